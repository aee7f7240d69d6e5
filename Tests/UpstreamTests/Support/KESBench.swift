// SPDX-License-Identifier: Apache-2.0

import Curl
import KeyService
import LockedMemory
import TestSupport
import Testing

@testable import Upstream

/// A service over scripted key servers, on a clock that the test moves. Its endpoints are `a`, `b`, `c`.
struct KESBench: Sendable {
    let clock: ManualClock
    let transport: ScriptedTransport
    let service: KESService
    let notices = Journal<UpstreamNotice>()
    let name: KeyName

    init(
        _ endpoints: [String] = ["a"], _ change: (inout UpstreamOptions) -> Void = { _ in }, seed: UInt64 = 1,
        answering rule: @escaping @Sendable (ScriptedTransport.Ask) -> ScriptedTransport.Reaction
    ) throws {
        var options = UpstreamOptions()
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
    func tended<Result: Sendable>(_ body: @Sendable (KESBench) async throws -> Result) async throws -> Result {
        let service = self.service
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await service.run() }
            // The first round of probes.
            await self.transport.asks.wait(for: service.addresses.count)
            let result = try await body(self)
            group.cancelAll()
            return result
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

    var areAllOnline: Bool { self.service.knownStatus.endpoints.allSatisfy(\.isOnline) }

    func decrypt() async throws(KeyServiceError) -> [UInt8] {
        try await self.service.decrypt(
            self.name, ciphertext: Ciphertext([1, 2, 3]), associatedData: AssociatedData([4])
        ).array
    }
}

extension ScriptedTransport.Reaction {
    /// `key` as the answer to a decrypt.
    static let plaintext = answer(200, #"{"plaintext":"a2V5"}"#)

    static let refused = failure(.refused, wasSent: false)
    static let broken = failure(.broken, wasSent: true)

    static func message(_ status: Int, _ text: String) -> Self { answer(status, #"{"message":"\#(text)"}"#) }
}
