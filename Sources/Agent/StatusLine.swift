// SPDX-License-Identifier: Apache-2.0

import KeyService
import Linux

/// The status line of `systemctl status`: the state of the agent and, if key servers do not answer, which ones and
/// since when. Pure: time is an argument.
struct StatusLine: CustomStringConvertible {
    let kind: String
    let keyName: KeyName
    let socketPath: String
    /// Nil if there is no TLS listener.
    let tlsAddress: String?
    /// Whether the agent is ready.
    let isServing: Bool
    let backend: BackendStatus
    /// Whether expired data keys are served because no key server can be reached.
    let isAnsweringStale: Bool
    /// Whether the last reload failed.
    let hasRefusedSettings: Bool
    let now: WallClock

    var description: String {
        let purpose =
            self.isServing
            ? "Serving data keys from \(self.kind) '\(self.keyName)' on \(self.places)"
            : "Waiting for the backend: \(self.kind)"
        let refusal = self.hasRefusedSettings ? "reload failed; keeping the current configuration" : nil
        return ([purpose] + [refusal, self.outage].compactMap(\.self)).joined(separator: "; ")
    }

    private var places: String {
        self.tlsAddress.map { "\(self.socketPath) and https://\($0)" } ?? self.socketPath
    }

    private var outage: String? {
        let outages = self.backend.endpoints.compactMap(self.outage)
        guard !outages.isEmpty else { return nil }
        let all = self.backend.endpoints.count
        let extent =
            outages.count == all
            ? (all == 1 ? "the key server does not answer" : "none of \(all) key servers answers")
            : "\(outages.count) of \(all) key servers \(outages.count == 1 ? "does" : "do") not answer"
        let answer = self.isAnsweringStale ? "; answering from the cache" : ""
        return "\(extent): \(outages.joined(separator: ", "))\(answer)"
    }

    private func outage(of endpoint: BackendStatus.Endpoint) -> String? {
        guard case .down(let duration, let reason) = endpoint.condition else { return nil }
        let since = WallClock(seconds: self.now.seconds - Int(duration.components.seconds), nanoseconds: 0)
        return "\(endpoint.address) since \(since.rfc3339) (\(reason))"
    }
}
