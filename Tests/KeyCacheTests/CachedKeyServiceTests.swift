// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory
import TestSupport
import Testing

@testable import KeyCache

/// The real thing, in real locked memory, over a scripted key server.
@Suite(.timeLimit(.minutes(5))) struct CachedKeyServiceTests {
    private static let plaintext: [UInt8] = (0..<32).map { $0 }

    /// As long as a data key: what is longer has no place in the vault, and would not be quiet.
    private static func plaintext(number: Int) -> [UInt8] {
        [UInt8(truncatingIfNeeded: number)] + Self.plaintext.dropFirst()
    }

    /// A cache that has the plaintext.
    private static func warm(_ fixture: CacheFixture) async throws -> Ciphertext {
        let ciphertext = fixture.server.seal(self.plaintext, .named("a"))
        #expect(try await fixture.decrypt(ciphertext) == .init(self.plaintext, .miss))
        return ciphertext
    }

    // MARK: Origins

    @Test("an answer says where it comes from, and how old it is")
    func origins() async throws {
        let fixture = try CacheFixture(any: 100)
        let ciphertext = try await Self.warm(fixture)
        #expect(try fixture.decryptImmediately(ciphertext) == .init(Self.plaintext, .hit(age: 0)))
        fixture.pass(milliseconds: 7_900)
        #expect(try fixture.decryptImmediately(ciphertext) == .init(Self.plaintext, .hit(age: 7)))
        #expect(try await fixture.decrypt(ciphertext) == .init(Self.plaintext, .hit(age: 7)))
        fixture.pass(seconds: 93)
        #expect(try fixture.decryptImmediately(ciphertext) == nil)
        #expect(try await fixture.decrypt(ciphertext) == .init(Self.plaintext, .miss))
        #expect(fixture.server.decryptCount == 2)
    }

    @Test("what is not used for a while is asked for again")
    func unused() async throws {
        let fixture = try CacheFixture(any: 100, unused: 10)
        let ciphertext = try await Self.warm(fixture)
        for _ in 1...4 {
            fixture.pass(seconds: 9)
            #expect(try fixture.decryptImmediately(ciphertext) != nil)
        }
        fixture.pass(seconds: 11)
        #expect(try fixture.decryptImmediately(ciphertext) == nil)
    }

    @Test("stale answers are given while nobody is in reach, and say so")
    func stale() async throws {
        let fixture = try CacheFixture(any: 10, offline: 100)
        let ciphertext = try await Self.warm(fixture)
        fixture.pass(seconds: 15)
        fixture.server.fail(with: .unavailable)
        #expect(try fixture.decryptImmediately(ciphertext) == nil)
        await #expect(throws: KeyServiceError.unavailable) { try await fixture.decrypt(ciphertext) }
        fixture.server.fail(with: .unavailable, isOutOfReach: true)
        #expect(try fixture.decryptImmediately(ciphertext) == .init(Self.plaintext, .stale(age: 15)))
        #expect(try await fixture.decrypt(ciphertext) == .init(Self.plaintext, .stale(age: 15)))
        #expect(fixture.service.isAnsweringStale && fixture.notices == [.answersStale])
        fixture.server.fail(with: nil)
        #expect(try await fixture.decrypt(ciphertext) == .init(Self.plaintext, .miss))
        #expect(!fixture.service.isAnsweringStale)
        #expect(fixture.notices == [.answersStale, .answersFresh(afterStaleAnswers: 2)])
        fixture.pass(seconds: 111)
        fixture.server.fail(with: .unavailable, isOutOfReach: true)
        #expect(try fixture.decryptImmediately(ciphertext) == nil)
    }

    @Test("who waits while the key server gets out of reach is answered stale")
    func staleWhileWaiting() async throws {
        let fixture = try CacheFixture(any: 10, offline: 100)
        let ciphertext = try await Self.warm(fixture)
        fixture.pass(seconds: 15)
        fixture.server.hold()
        async let first = fixture.decrypt(ciphertext)
        async let second = fixture.decrypt(ciphertext)
        try await fixture.untilWaiting(3)
        fixture.server.fail(with: .timedOut, isOutOfReach: true)
        fixture.server.release()
        let answers = try await [first, second]
        #expect(answers == Array(repeating: .init(Self.plaintext, .stale(age: 15)), count: 2))
        #expect(fixture.service.statistics.stale == 2)
    }

    @Test("what is in use is renewed before it expires")
    func renewal() async throws {
        let fixture = try CacheFixture(any: 100)
        let ciphertext = try await Self.warm(fixture)
        fixture.pass(seconds: 95)
        #expect(try fixture.decryptImmediately(ciphertext) == .init(Self.plaintext, .hit(age: 95)))
        try await fixture.until("the renewal") { fixture.service.statistics.renewals.succeeded == 1 }
        fixture.pass(seconds: 50)
        #expect(try fixture.decryptImmediately(ciphertext) == .init(Self.plaintext, .hit(age: 50)))
        #expect(fixture.server.decryptCount == 2)
    }

    // MARK: Asking once

    @Test("a thousand callers of one cold key cost one question, of a hundred keys a hundred", arguments: [1, 100])
    func herd(keyCount: Int) async throws {
        let fixture = try CacheFixture(capacity: 2_000)
        let ciphertexts = (0..<keyCount)
            .map { fixture.server.seal(Self.plaintext(number: $0), .named("a")) }
        fixture.server.hold()
        let origins = try await withThrowingTaskGroup(of: AnswerOrigin.self) { group in
            for number in 0..<1_000 {
                group.addTask {
                    let answer = try await fixture.decrypt(ciphertexts[number % keyCount])
                    #expect(answer.bytes == Self.plaintext(number: number % keyCount))
                    return answer.origin
                }
            }
            try await fixture.untilWaiting(1_000)
            fixture.server.release()
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(origins == [.miss: keyCount, .coalesced: 1_000 - keyCount])
        #expect(fixture.server.decryptCount == keyCount)
        try await fixture.untilQuiet()
    }

    @Test("who asked first and gives up does not take the others along")
    func cancelledLeader() async throws {
        let fixture = try CacheFixture()
        let ciphertext = fixture.server.seal(Self.plaintext, .named("a"))
        fixture.server.hold()
        let leader = Task { try await fixture.decrypt(ciphertext) }
        try await fixture.untilWaiting(1)
        let follower = Task { try await fixture.decrypt(ciphertext) }
        try await fixture.untilWaiting(2)
        leader.cancel()
        await #expect(throws: KeyServiceError.timedOut) { try await leader.value }
        fixture.server.release()
        #expect(try await follower.value.bytes == Self.plaintext)
        #expect(fixture.server.decryptCount == 1)
        try await fixture.untilQuiet()
    }

    @Test("what nobody waits for any more still comes, and is kept")
    func everybodyGaveUp() async throws {
        let fixture = try CacheFixture()
        let ciphertext = fixture.server.seal(Self.plaintext, .named("a"))
        fixture.server.hold()
        let caller = Task { try await fixture.decrypt(ciphertext) }
        try await fixture.untilWaiting(1)
        caller.cancel()
        await #expect(throws: KeyServiceError.timedOut) { try await caller.value }
        fixture.server.release()
        try await fixture.until("the answer") { fixture.service.statistics.entries == 1 }
        #expect(try fixture.decryptImmediately(ciphertext) == .init(Self.plaintext, .hit(age: 0)))
        try await fixture.untilQuiet()
    }

    @Test("a failure is told to all who wait for it, and to nobody later")
    func failures() async throws {
        let fixture = try CacheFixture()
        let ciphertext = fixture.server.seal(Self.plaintext, .named("a"))
        fixture.server.fail(with: .overloaded)
        fixture.server.hold()
        let callers = (1...3).map { _ in Task { try await fixture.decrypt(ciphertext) } }
        try await fixture.untilWaiting(3)
        fixture.server.release()
        for caller in callers {
            await #expect(throws: KeyServiceError.overloaded) { try await caller.value }
        }
        #expect(fixture.server.decryptCount == 1)
        fixture.server.fail(with: nil)
        #expect(try await fixture.decrypt(ciphertext) == .init(Self.plaintext, .miss))
    }

    // MARK: Keeping

    @Test("a new data key opens without a question")
    func fillByGenerate() async throws {
        let fixture = try CacheFixture()
        let data = AssociatedData([1, 2])
        let key = try await fixture.service.generateKey(.named("a"), associatedData: data)
        let (ciphertext, plaintext) = (key.ciphertext, key.plaintext.array)
        #expect(key.origin == .miss)
        #expect(try fixture.decryptImmediately(ciphertext, .named("a"), data) == .init(plaintext, .hit(age: 0)))
        #expect(try fixture.decryptImmediately(ciphertext, .named("a")) == nil)
        #expect(try fixture.decryptImmediately(ciphertext, .named("b"), data) == nil)
        #expect(fixture.server.decryptCount == 0)
    }

    @Test("a data key that was purged while it was made is not kept")
    func fillAfterPurge() async throws {
        let fixture = try CacheFixture()
        fixture.server.hold()
        let maker = Task {
            try await fixture.service.generateKey(.named("a"), associatedData: AssociatedData()).ciphertext
        }
        // Until it is there to be held, so that it comes before the purge.
        try await fixture.until("the question") { fixture.server.heldCount == 1 }
        fixture.service.forget(.named("a"))
        fixture.server.release()
        let ciphertext = try await maker.value
        #expect(try fixture.decryptImmediately(ciphertext) == nil)
    }

    @Test(
        "plaintexts of any length are answered, and those of up to 64 bytes kept",
        arguments: [0, 1, 56, 57, 64, 65, 999])
    func lengths(byteCount: Int) async throws {
        let fixture = try CacheFixture()
        let plaintext = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0) }
        let ciphertext = fixture.server.seal(plaintext, .named("a"))
        #expect(try await fixture.decrypt(ciphertext) == .init(plaintext, .miss))
        let again = try await fixture.decrypt(ciphertext)
        #expect(again == .init(plaintext, byteCount <= 64 ? .hit(age: 0) : .miss))
        fixture.server.makeDataKeys(of: byteCount)
        let made = try await fixture.service.generateKey(.named("a"), associatedData: AssociatedData()).ciphertext
        #expect(try (fixture.decryptImmediately(made) != nil) == (byteCount <= 64))
    }

    // MARK: Purging

    @Test("a purge says how much there was, and leaves nothing")
    func purge() async throws {
        let fixture = try CacheFixture()
        let ciphertexts = (UInt8(0)..<15).map { ($0 < 10 ? KeyName.named("a") : .named("b"), [$0] + Self.plaintext) }
            .map { ($0, fixture.server.seal($1, $0)) }
        for (name, ciphertext) in ciphertexts { _ = try await fixture.decrypt(ciphertext, name) }
        #expect(fixture.service.statistics.entries == 15)
        #expect(fixture.service.forget(.named("c")) == 0)
        #expect(fixture.service.forget(.named("a")) == 10)
        #expect(fixture.service.shards.allSatisfy { !$0.hasPurgedEntries })
        #expect(fixture.service.forget(.named("a")) == 0)
        for (name, ciphertext) in ciphertexts {
            #expect(try (fixture.decryptImmediately(ciphertext, name) == nil) == (name == .named("a")))
        }
        #expect(fixture.service.forget(nil) == 5)
        #expect(fixture.service.statistics.entries == 0)
        #expect(fixture.service.statistics.evictions.purged == 15)
        #expect(fixture.memory.slotsInUse == 0)
    }

    @Test("who asks after a purge is not told what was asked before it")
    func purgeInFlight() async throws {
        let fixture = try CacheFixture()
        let ciphertext = fixture.server.seal(Self.plaintext, .named("a"))
        fixture.server.hold()
        async let before = fixture.decrypt(ciphertext)
        try await fixture.untilWaiting(1)
        fixture.service.forget(nil)
        async let after = fixture.decrypt(ciphertext)
        try await fixture.untilWaiting(2)
        fixture.server.release()
        let answers = try await [before, after]
        #expect(answers.allSatisfy { $0.bytes == Self.plaintext })
        #expect(fixture.server.decryptCount == 2)
    }

    @Test("a key that is deleted here, or is not there any more, takes its data keys along", arguments: [true, false])
    func deletion(isToldOf: Bool) async throws {
        let fixture = try CacheFixture()
        let ciphertext = try await Self.warm(fixture)
        if isToldOf {
            try await fixture.service.deleteKey(.named("a"))
        } else {
            fixture.server.removeKey(.named("a"))
            await #expect(throws: KeyServiceError.keyNotFound) { try await fixture.service.describeKey(.named("a")) }
        }
        #expect(try fixture.decryptImmediately(ciphertext) == nil)
        await #expect(throws: KeyServiceError.keyNotFound) { try await fixture.decrypt(ciphertext) }
        try await fixture.service.createKey(.named("a"))
        await #expect(throws: KeyServiceError.decryptionFailed) { try await fixture.decrypt(ciphertext) }
    }

    @Test(
        "a refusal ends all data keys of a key, in whichever shard, and wipes them",
        arguments: [KeyServiceError.notAllowed, .keyNotFound], [64, 2_000])
    func refusal(error: KeyServiceError, capacity: Int) async throws {
        let fixture = try CacheFixture(capacity: capacity)
        let ciphertexts = (UInt8(0)..<50).map { fixture.server.seal([$0], .named("a")) }
        for ciphertext in ciphertexts.dropLast() { _ = try await fixture.decrypt(ciphertext) }
        fixture.server.fail(with: error)
        await #expect(throws: error) { try await fixture.decrypt(ciphertexts[49]) }
        #expect(fixture.service.shards.allSatisfy { !$0.hasPurgedEntries })
        for ciphertext in ciphertexts { #expect(try fixture.decryptImmediately(ciphertext) == nil) }
        #expect(fixture.service.statistics.entries == 0)
    }

    @Test("that something else is not allowed says nothing of decrypting")
    func otherRefusals() async throws {
        let fixture = try CacheFixture()
        let ciphertext = try await Self.warm(fixture)
        fixture.server.fail(with: .notAllowed)
        await #expect(throws: KeyServiceError.notAllowed) { try await fixture.service.describeKey(.named("a")) }
        await #expect(throws: KeyServiceError.notAllowed) { try await fixture.service.deleteKey(.named("a")) }
        #expect(try fixture.decryptImmediately(ciphertext) != nil)
    }

    @Test("another identity begins with nothing")
    func identity() async throws {
        let fixture = try CacheFixture()
        let ciphertext = try await Self.warm(fixture)
        fixture.service.changeIdentity()
        #expect(try fixture.decryptImmediately(ciphertext) == nil)
        #expect(fixture.service.statistics.entries == 0)
    }

    // MARK: Absent keys

    @Test("a key that is not there is not asked for again within a second, until it is created")
    func absence() async throws {
        let fixture = try CacheFixture()
        let ciphertext = fixture.server.seal(Self.plaintext, .named("c"))
        for _ in 1...3 {
            await #expect(throws: KeyServiceError.keyNotFound) { try await fixture.decrypt(ciphertext, .named("c")) }
        }
        #expect(fixture.server.decryptCount == 1 && fixture.service.statistics.absent == 2)
        fixture.pass(seconds: 1)
        await #expect(throws: KeyServiceError.keyNotFound) { try await fixture.decrypt(ciphertext, .named("c")) }
        #expect(fixture.server.decryptCount == 2)
        try await fixture.service.createKey(.named("c"))
        let made = fixture.server.seal(Self.plaintext, .named("c"))
        #expect(try await fixture.decrypt(made, .named("c")) == .init(Self.plaintext, .miss))
    }

    // MARK: Memory

    @Test("where there is no memory for an answer, the caller is told, and a renewal that was due is made later")
    func exhaustion() async throws {
        let fixture = try CacheFixture(any: 100, slotCount: 8)
        let ciphertext = try await Self.warm(fixture)
        try await fixture.untilQuiet()
        fixture.pass(seconds: 95)
        do {
            let secrets = try SecretList(count: 8, in: fixture.memory)
            #expect(throws: KeyServiceError.outOfMemory) { try fixture.decryptImmediately(ciphertext) }
            await #expect(throws: KeyServiceError.outOfMemory) { try await fixture.decrypt(ciphertext) }
            secrets.end()
        }
        #expect(fixture.server.decryptCount == 1)
        fixture.pass(seconds: 6)
        #expect(try await fixture.decrypt(ciphertext) == .init(Self.plaintext, .miss))
    }
}

/// Secrets that take all the memory there is, until they end.
private final class SecretList {
    private var secret: Secret?
    private var rest: SecretList?

    init(count: Int, in memory: SecretMemory) throws {
        self.secret = try Secret(byteCount: 32, in: memory)
        self.rest = count > 1 ? try SecretList(count: count - 1, in: memory) : nil
    }

    func end() {
        self.secret = nil
        self.rest = nil
    }
}
