// SPDX-License-Identifier: Apache-2.0

import AdminProtocol
import ArgumentParser
import ByteCoding
import KESProtocol
import KeysideClient
import Linux
import LockedMemory

/// `keyside status`
struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the state of a running agent.",
        discussion: "With --check, prints nothing and exits with 0 if the agent is ready, with 69 if not.")

    @Flag(help: "Print nothing; report readiness by the exit status.")
    var check = false
    @OptionGroup var options: ClientOptions

    func run() throws {
        try self.reportingFailures {
            if self.check {
                do {
                    try self.options.asking { try $0.client.checkReady() }
                } catch is CommandFailure {
                    throw CommandFailure(.unavailable)
                }
                return
            }
            let (status, json) = try self.options.asking { try $0.client.status() }
            switch self.options.output {
            case .json:
                try StandardStreams.writeOutput(json.span)
            case .text:
                guard let fragment = status.keyside else {
                    throw CommandFailure(
                        .failed, "\(self.options.socketPath): this is a KES server, not an agent")
                }
                let agent: AgentStatus
                do {
                    agent = try AgentStatus(decoding: fragment.bytes.span)
                } catch {
                    throw CommandFailure(
                        .failed, "\(self.options.socketPath): the answer cannot be read: \(error)")
                }
                try StandardStreams.writeOutput(StatusText(status: status, agent: agent).text)
            }
        }
    }
}

/// The text output of `keyside status`.
struct StatusText {
    let status: KESAnswer.Status
    let agent: AgentStatus

    var text: String {
        var lines = [
            "keyside \(self.status.version)  \(self.agent.state)  \(Self.text(of: self.status.uptime))",
            Self.row("backend", "\(self.agent.backend.kind), key '\(self.agent.backend.key)'"),
        ]
        for endpoint in self.agent.backend.endpoints {
            lines.append(Self.row("", "\(endpoint.address)  \(Self.text(of: endpoint))"))
        }
        lines.append(Self.row("cache", Self.text(of: self.agent.cache)))
        for listener in self.agent.listeners {
            let refused = listener.refused > 0 ? ", \(listener.refused) refused" : ""
            let end = listener.validUntil.map { ", certificate valid until \($0)" } ?? ""
            lines.append(
                Self.row(
                    "listener",
                    "\(listener.name) \(listener.address), \(listener.connections) connected\(refused)\(end)"))
        }
        let requests = self.agent.requests
        lines.append(
            Self.row(
                "requests", "\(requests.succeeded) succeeded, \(requests.refused) refused, \(requests.failed) failed"))
        let memory = self.agent.memory
        lines.append(Self.row("memory", Self.text(of: memory)))
        return lines.map { $0 + "\n" }.joined()
    }

    /// `memfd_secret, 65536 KiB locked, 12 keys`; without locked memory `not locked, 1280 KiB, 1 key`.
    static func text(of memory: AgentStatus.Memory) -> String {
        let size = "\(memory.lockedByteCount / 1024) KiB"
        let keys = "\(memory.slotsInUse) key\(memory.slotsInUse == 1 ? "" : "s")"
        let isLocked = memory.kind != LockedMemoryKind.unlocked.rawValue
        return (isLocked ? "\(memory.kind), \(size) locked, " : "not locked, \(size), ") + keys
    }

    /// `8114 of 65536, hits 98.7 %, any 5 min, unused 1 min, offline off`
    static func text(of cache: CacheReport) -> String {
        guard cache.isEnabled else { return "off" }
        let hits = cache.hitRatio.map { ", hits \(CacheText.percent($0))" } ?? ""
        return "\(cache.entries) of \(cache.capacity)\(hits), \(CacheText.expiry(of: cache))"
    }

    /// `up, 1.8 ms, 2 in flight, 1 wrong plaintext` or `down for 12 s: no connection`.
    static func text(of endpoint: AgentStatus.Endpoint) -> String {
        let count = endpoint.contradictions
        let contradictions = count > 0 ? ", \(count) wrong plaintext\(count == 1 ? "" : "s")" : ""
        guard endpoint.isOnline else {
            let since = endpoint.downSeconds.map { " for \(Self.text(of: .seconds($0)))" } ?? ""
            return "down" + since + contradictions + (endpoint.reason.map { ": \($0)" } ?? "")
        }
        let latency = endpoint.latencyMicroseconds.map { ", \(Double($0 / 100) / 10) ms" } ?? ""
        return "up" + latency + (endpoint.inFlight > 0 ? ", \(endpoint.inFlight) in flight" : "") + contradictions
    }

    private static func row(_ name: String, _ value: String) -> String {
        name + String(repeating: " ", count: max(1, 10 - name.count)) + value
    }

    /// The two largest units: `12 d 4 h`.
    static func text(of duration: Duration) -> String {
        let seconds = Int(duration.components.seconds)
        let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)]
        guard let first = units.firstIndex(where: { seconds >= $0.1 }) else { return "0 s" }
        var rest = seconds
        let parts = units[first...].prefix(2)
            .compactMap { unit, length -> String? in
                defer { rest %= length }
                return rest / length > 0 ? "\(rest / length) \(unit)" : nil
            }
        return parts.joined(separator: " ")
    }
}
