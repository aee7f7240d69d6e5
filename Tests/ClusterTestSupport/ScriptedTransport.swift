// SPDX-License-Identifier: Apache-2.0

import Cluster
package import CurlTransport
import LockedMemory
package import Primitives
import Synchronization
import TestSupport

/// Key servers in a test's hands: each request is noted, then answered as the test's rule says.
package final class ScriptedTransport: ClusterTransport {
    package struct Ask: Equatable, Sendable {
        package let method: String
        package let endpoint: String
        package let path: String
        package let body: String
        package let contentType: String?
        package let isRepeatable: Bool
        package let deadline: ContinuousClock.Instant
        package let connectTimeout: Duration?

        /// Whether it asks for KES's status.
        package var isProbe: Bool { self.path == "/v1/status" }
    }

    package indirect enum Reaction: Sendable {
        case answer(Int, String)
        case failure(TransferFailure.Kind, wasSent: Bool)
        /// Until the deadline passes on the clock, or the task is cancelled.
        case silence
        /// Nobody answers the attempt to connect.
        case void
        /// When the test says so.
        case held(OneShot<Bool>, Reaction)
        case after(Duration, Reaction)

        package static let ok = answer(200, "")
        package static let status = answer(200, #"{"version":"v","keystore_latency":1}"#)
    }

    package let asks = Journal<Ask>()
    package let retirements = Journal<Void>()
    private let clock: ManualClock
    private let rule: Mutex<@Sendable (Ask) -> Reaction>

    package init(clock: ManualClock = ManualClock(), _ rule: @escaping @Sendable (Ask) -> Reaction) {
        self.clock = clock
        self.rule = Mutex(rule)
    }

    /// From now on requests are answered so.
    package func answer(_ rule: @escaping @Sendable (Ask) -> Reaction) { self.rule.withLock { $0 = rule } }

    /// Requests that were no probes.
    package var requests: [Ask] { self.asks.entries.filter { !$0.isProbe } }

    package func perform(_ transfer: consuming Transfer) async throws(TransferFailure) -> TransferAnswer {
        let body =
            switch transfer.body {
            case .some(let body): body.value.withBytes { String(copying: $0) }
            case .none: ""
            }
        let ask = Ask(
            method: transfer.method.rawValue, endpoint: transfer.endpoint, path: transfer.path, body: body,
            contentType: transfer.contentType,
            isRepeatable: transfer.isRepeatable, deadline: transfer.deadline, connectTimeout: transfer.connectTimeout)
        let rule = self.rule.withLock(\.self)
        let reaction = rule(ask)
        self.asks.note(ask)
        return try await self.perform(reaction, ask)
    }

    private func perform(
        _ reaction: Reaction, _ ask: Ask
    ) async throws(TransferFailure) -> TransferAnswer {
        switch reaction {
        case .answer(let status, let body):
            return TransferAnswer(status: status, httpVersion: .http1, body: try Self.secret(body))
        case .failure(let kind, let wasSent):
            throw TransferFailure(kind, reason: "scripted", requestWasSent: wasSent)
        case .silence:
            try await self.sleep(until: ask.deadline)
            throw TransferFailure(.timedOut(whileConnecting: false), reason: "scripted", requestWasSent: true)
        case .void:
            try await self.sleep(until: min(ask.deadline, self.clock.now + (ask.connectTimeout ?? .seconds(2))))
            throw TransferFailure(.timedOut(whileConnecting: true), reason: "scripted", requestWasSent: false)
        case .held(let waiter, let next):
            guard await waiter.wait(ifCancelled: false) else {
                throw TransferFailure(.cancelled, reason: "scripted", requestWasSent: true)
            }
            return try await self.perform(next, ask)
        case .after(let duration, let next):
            try await self.sleep(until: self.clock.now + duration)
            return try await self.perform(next, ask)
        }
    }

    private func sleep(until instant: ContinuousClock.Instant) async throws(TransferFailure) {
        do {
            try await self.clock.sleep(until: instant, isServer: true)
        } catch {
            throw TransferFailure(.cancelled, reason: "scripted", requestWasSent: true)
        }
    }

    private static func secret(_ text: String) throws(TransferFailure) -> Secret {
        do {
            return try Secret(Array(text.utf8), in: SharedMemory.secrets)
        } catch {
            throw TransferFailure(.noMemory, reason: "\(error)", requestWasSent: false)
        }
    }

    package func retire() { self.retirements.note(()) }
}

extension String {
    package init(copying bytes: Span<UInt8>) { self.init(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self) }
}
