// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import CurlTransport
import KeyService
import LockedMemory
import Synchronization
import TestSupport
import Testing

@testable import Cluster
@testable import KESBackend

/// A service over scripted key servers, on a clock that the test moves. Its endpoints are `a`, `b`, `c`.
struct KESServiceFixture: Sendable {
    let clock: ManualClock
    let transport: ScriptedTransport
    let service: KESService
    let notices = Journal<ClusterNotice>()
    let name: KeyName

    init(
        _ endpoints: [String] = ["a"], _ change: (inout ClusterOptions) -> Void = { _ in }, seed: UInt64 = 1,
        answering rule: @escaping @Sendable (ScriptedTransport.Ask) -> ScriptedTransport.Reaction
    ) throws {
        var options = ClusterOptions()
        change(&options)
        let clock = ManualClock()
        self.clock = clock
        self.transport = ScriptedTransport(clock: clock, rule)
        self.name = try #require(KeyName("my-key"))
        let notices = self.notices
        self.service = KESService(
            endpoints: endpoints, keyName: self.name, options: options, transport: self.transport,
            memory: try SharedMemory.secrets, clock: clock, seed: seed, report: { notices.note($0) })
    }

    /// Runs `body` while endpoints are looked after, as they are in the agent.
    func tended(_ body: @Sendable (KESServiceFixture) async throws -> Void) async throws {
        let service = self.service
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await service.cluster.run() }
            // The first round of probes.
            await self.transport.asks.wait(for: service.cluster.addresses.count)
            try await body(self)
            group.cancelAll()
        }
    }

    /// What came of a decrypt.
    func outcome() async -> Result<[UInt8], KeyServiceError> {
        do throws(KeyServiceError) {
            return .success(try await self.decrypt())
        } catch {
            return .failure(error)
        }
    }

    var areAllOnline: Bool { self.service.cluster.knownStatus.endpoints.allSatisfy(\.isOnline) }

    func decrypt() async throws(KeyServiceError) -> [UInt8] {
        try await self.service
            .decrypt(
                self.name, ciphertext: Ciphertext([1, 2, 3]), associatedData: AssociatedData([4])
            )
            .plaintext.array
    }
}

extension ScriptedTransport.Reaction {
    /// `key` as the answer to a decrypt.
    static let plaintext = answer(200, #"{"plaintext":"a2V5"}"#)

    static let refused = failure(.refused, wasSent: false)
    static let broken = failure(.broken, wasSent: true)

    static func message(_ status: Int, _ text: String) -> Self { answer(status, #"{"message":"\#(text)"}"#) }
}

/// Waiting for what the service does by itself.
extension KESServiceFixture {
    /// What came of so many decrypts at a time.
    func outcomes(_ count: Int) async -> [Result<[UInt8], KeyServiceError>] {
        await withTaskGroup(of: Result<[UInt8], KeyServiceError>.self) { group in
            for _ in 0..<count { group.addTask { await self.outcome() } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// Until so many requests wait for an endpoint to return.
    func waitForStranded(_ count: Int) async {
        while self.service.cluster.state.withLock({ $0.core.waiting.count }) < count { await Task.yield() }
    }

    func waitForTending() async {
        while !self.service.cluster.state.withLock({ $0.core.isTimed }) { await Task.yield() }
    }

    /// Moves the clock in small steps, and lets the service do what each step brings before the next.
    func passTime(by duration: Duration) async {
        let end = self.clock.now + duration
        while self.clock.now < end {
            await self.waitForRest()
            self.clock.advance(by: .milliseconds(10))
        }
        await self.waitForRest()
    }

    /// Until nothing happens any more but by the clock: every request waits for it, and so does whoever tends the
    /// endpoints. Nobody may be held.
    private func waitForRest() async {
        while true {
            let (inFlight, wakeAt) = self.service.cluster.state.withLock { state in
                (state.core.pool.states.reduce(0) { $0 + $1.inFlight }, state.core.wakeAt)
            }
            let isTenderAsleep = wakeAt.map { $0 > self.clock.now && self.clock.isSomebodySleeping(until: $0) } ?? true
            if isTenderAsleep, inFlight == self.clock.serverCount { return }
            await Task.yield()
        }
    }
}
