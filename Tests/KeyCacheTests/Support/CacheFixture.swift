// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory
import Synchronization
import TestSupport

@testable import KeyCache

/// A real cache in real locked memory, before a key server and a clock in the test's hands.
final class CacheFixture: Sendable {
    let memory: SecretMemory
    let server: ScriptedKeyServer
    let service: CachedKeyService
    private let nanoseconds: Box<Atomic<Int>>
    private let reported: Box<Mutex<[CacheNotice]>>

    private final class Box<Value: ~Copyable & Sendable>: Sendable {
        let value: Value

        init(_ value: consuming Value) { self.value = value }
    }

    init(
        capacity: Int = 64, any: Int = 100, unused: Int = 0, offline: Int = 0, slotCount: Int = 4096
    ) throws {
        let memory = try SecretMemory(slotCount: slotCount, allowUnlocked: true)
        let nanoseconds = Box(Atomic(1_000_000_000_000))
        let reported = Box(Mutex<[CacheNotice]>([]))
        self.memory = memory
        self.nanoseconds = nanoseconds
        self.reported = reported
        self.server = ScriptedKeyServer(memory: memory)
        self.service = try CachedKeyService(
            self.server,
            options: .init(
                capacity: capacity,
                policy: ExpiryPolicy(any: .seconds(any), unused: .seconds(unused), offline: .seconds(offline))),
            memory: memory, clock: { BootTime(nanoseconds: nanoseconds.value.load(ordering: .relaxed)) },
            report: { notice in reported.value.withLock { $0.append(notice) } })
    }

    var notices: [CacheNotice] { self.reported.value.withLock { $0 } }

    func pass(milliseconds: Int) { self.nanoseconds.value.wrappingAdd(milliseconds * 1_000_000, ordering: .relaxed) }

    func pass(seconds: Int) { self.pass(milliseconds: seconds * 1_000) }

    struct Answer: Equatable, Sendable {
        let bytes: [UInt8]
        let origin: AnswerOrigin

        init(_ bytes: [UInt8], _ origin: AnswerOrigin) {
            self.bytes = bytes
            self.origin = origin
        }

        init(_ decryption: borrowing Decryption) {
            self.bytes = decryption.plaintext.array
            self.origin = decryption.origin
        }
    }

    func decrypt(
        _ ciphertext: Ciphertext, _ name: KeyName = .named("a"), _ data: AssociatedData = AssociatedData()
    ) async throws(KeyServiceError) -> Answer {
        Answer(try await self.service.decrypt(name, ciphertext: ciphertext, associatedData: data))
    }

    func decryptImmediately(
        _ ciphertext: Ciphertext, _ name: KeyName = .named("a"), _ data: AssociatedData = AssociatedData()
    ) throws(KeyServiceError) -> Answer? {
        guard let decryption = try self.service.decryptImmediately(name, ciphertext: ciphertext, associatedData: data)
        else { return nil }
        return Answer(decryption)
    }

    /// Waits for what other tasks bring about, of which they tell nobody.
    func until(_ event: String, _ condition: () -> Bool) async throws(TestFailure) {
        let deadline = Deadline.standard
        while !condition() {
            guard !deadline.hasPassed else { throw .timedOut(waitingFor: event) }
            await Task.yield()
        }
    }

    /// Waits until so many callers have asked what was not at hand.
    func untilWaiting(_ count: Int) async throws(TestFailure) {
        try await self.until("\(count) callers") {
            let statistics = self.service.statistics
            return statistics.misses + statistics.coalesced >= count
        }
    }

    /// Waits until no secret is on its way.
    func untilQuiet() async throws(TestFailure) {
        try await self.until("the last secret on its way") { self.memory.slotsInUse == 0 }
    }
}
