// SPDX-License-Identifier: Apache-2.0

import KeyService
import TestSupport
import Testing

@testable import KeyCache

/// A key server that returns another plaintext than before for the same ciphertext.
struct ContradictionTests {
    private static let truth = [UInt8](repeating: 1, count: 32)
    private static let lie = [UInt8](repeating: 2, count: 32)
    private static let otherLie = [UInt8](repeating: 3, count: 32)

    private let fixture: CacheFixture
    private let ciphertext: Ciphertext

    init() throws {
        self.fixture = try CacheFixture(any: 100, offline: 1_000)
        self.ciphertext = self.fixture.server.seal(Self.truth, .named("a"))
    }

    /// Has the truth cached, by endpoint 1, and comes to where its next use renews it.
    private func cacheTruth() async throws {
        #expect(try await self.fixture.decrypt(self.ciphertext).bytes == Self.truth)
        self.fixture.pass(seconds: 95)
    }

    private func useUntilRenewed() async throws {
        #expect(try self.fixture.decryptImmediately(self.ciphertext)?.bytes == Self.truth)
        try await self.fixture.until("the renewal") {
            let renewals = self.fixture.service.statistics.renewals
            return renewals.succeeded + renewals.failed == 1
        }
    }

    @Test func anotherEndpointThatConfirmsTheCachedPlaintextWins() async throws {
        try await self.cacheTruth()
        self.fixture.server.answer(with: Self.lie, Self.truth)
        try await self.useUntilRenewed()
        #expect(self.fixture.server.avoidedEndpoints == [[EndpointIndex(1), EndpointIndex(2)]])
        #expect(self.fixture.server.contradictions == [EndpointIndex(2)])
        #expect(self.fixture.notices == [.contradiction(.named("a"), isDecided: true)])
        #expect(self.fixture.service.statistics.contradictions == 1)
        #expect(self.fixture.service.statistics.renewals.succeeded == 1)
        #expect(try self.fixture.decryptImmediately(self.ciphertext)?.bytes == Self.truth)
    }

    @Test func anotherEndpointThatConfirmsTheNewPlaintextWins() async throws {
        self.fixture.server.answer(with: Self.lie)
        #expect(try await self.fixture.decrypt(self.ciphertext).bytes == Self.lie)
        self.fixture.pass(seconds: 101)
        #expect(try await self.fixture.decrypt(self.ciphertext) == .init(Self.truth, .miss))
        #expect(self.fixture.server.decryptCount == 3)
        #expect(self.fixture.server.contradictions == [EndpointIndex(1)])
        #expect(try self.fixture.decryptImmediately(self.ciphertext) == .init(Self.truth, .hit(age: 0)))
    }

    @Test func withoutAMajorityTheRequestFailsAndNothingIsCachedForAWhile() async throws {
        try await self.cacheTruth()
        self.fixture.pass(seconds: 6)
        self.fixture.server.answer(with: Self.lie, Self.otherLie)
        await #expect(throws: KeyServiceError.contradicted) { try await self.fixture.decrypt(self.ciphertext) }
        #expect(self.fixture.notices == [.contradiction(.named("a"), isDecided: false)])
        #expect(self.fixture.server.contradictions.isEmpty)
        #expect(self.fixture.service.statistics.entries == 0)

        // What is asked then is answered, but not from the cache.
        for _ in 0..<3 { #expect(try await self.fixture.decrypt(self.ciphertext) == .init(Self.truth, .miss)) }
        self.fixture.pass(seconds: 101)
        #expect(try await self.fixture.decrypt(self.ciphertext) == .init(Self.truth, .miss))
        #expect(try await self.fixture.decrypt(self.ciphertext) == .init(Self.truth, .hit(age: 0)))
        try await self.fixture.untilQuiet()
    }

    @Test(arguments: [KeyServiceError.unavailable, .timedOut, .decryptionFailed, .internalFailure])
    func aContradictedPlaintextIsNeverServedStale(error: KeyServiceError) async throws {
        try await self.cacheTruth()
        self.fixture.server.answer(with: Self.lie)
        self.fixture.server.fail(afterAnswers: 1, with: error, isOutOfReach: true)
        #expect(try self.fixture.decryptImmediately(self.ciphertext)?.bytes == Self.truth)
        try await self.fixture.until("the renewal") { self.fixture.service.statistics.renewals.failed == 1 }
        #expect(try self.fixture.decryptImmediately(self.ciphertext) == nil)
        await #expect(throws: error) { try await self.fixture.decrypt(self.ciphertext) }
        #expect(self.fixture.service.statistics.stale == 0)
    }

    @Test func callersWaitForTheDecision() async throws {
        try await self.cacheTruth()
        self.fixture.pass(seconds: 6)
        self.fixture.server.answer(with: Self.lie, Self.truth)
        self.fixture.server.hold()
        async let answers = withThrowingTaskGroup(of: CacheFixture.Answer.self) { group in
            for _ in 0..<10 { group.addTask { try await self.fixture.decrypt(self.ciphertext) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try await self.fixture.untilWaiting(11)
        self.fixture.server.release()
        let told = try await answers
        #expect(told.count == 10 && told.allSatisfy { $0.bytes == Self.truth })
        #expect(self.fixture.server.decryptCount == 3)
    }

    @Test func plaintextsOfAnotherLengthContradictToo() async throws {
        try await self.cacheTruth()
        self.fixture.pass(seconds: 6)
        self.fixture.server.answer(with: Array(Self.truth.dropLast()), Self.truth)
        #expect(try await self.fixture.decrypt(self.ciphertext).bytes == Self.truth)
        #expect(self.fixture.service.statistics.contradictions == 1)
    }

    @Test func longPlaintextsAreComparedToo() async throws {
        let (long, lie) = ([UInt8](repeating: 5, count: 64), [UInt8](repeating: 5, count: 63) + [6])
        let ciphertext = self.fixture.server.seal(long, .named("a"))
        #expect(try await self.fixture.decrypt(ciphertext).bytes == long)
        self.fixture.pass(seconds: 101)
        self.fixture.server.answer(with: lie, long)
        #expect(try await self.fixture.decrypt(ciphertext).bytes == long)
        #expect(self.fixture.service.statistics.contradictions == 1)
    }

    @Test func aNewDataKeyThatContradictsAnOldOneNeedsAMajority() async throws {
        let name = KeyName.named("a")
        try await self.cacheTruth()
        self.fixture.server.generate(Self.lie, in: self.ciphertext)
        await #expect(throws: KeyServiceError.contradicted) {
            _ = try await self.fixture.service.generateKey(name, associatedData: AssociatedData()).origin
        }
        #expect(self.fixture.server.contradictions == [EndpointIndex(7)])
        #expect(self.fixture.service.statistics.entries == 0)
        #expect(try await self.fixture.decrypt(self.ciphertext).bytes == Self.truth)
        #expect(self.fixture.service.statistics.entries == 0)
    }

    @Test func aNewDataKeyThatIsConfirmedIsUsed() async throws {
        self.fixture.server.answer(with: Self.lie)
        #expect(try await self.fixture.decrypt(self.ciphertext).bytes == Self.lie)
        self.fixture.server.generate(Self.truth, in: self.ciphertext)
        let dataKey = try await self.fixture.service.generateKey(.named("a"), associatedData: AssociatedData())
        #expect(dataKey.plaintext.array == Self.truth)
        #expect(self.fixture.server.contradictions == [EndpointIndex(1)])
        #expect(try await self.fixture.decrypt(self.ciphertext) == .init(Self.truth, .miss))
        #expect(try await self.fixture.decrypt(self.ciphertext) == .init(Self.truth, .hit(age: 0)))
    }

    @Test func reportsAreLimitedAndCountsAreNot() async throws {
        let data = (1...3).map { AssociatedData([$0]) }
        let ciphertexts = data.map { self.fixture.server.seal(Self.truth, .named("a"), $0) }
        for (ciphertext, data) in zip(ciphertexts, data) {
            #expect(try await self.fixture.decrypt(ciphertext, .named("a"), data).bytes == Self.truth)
        }
        self.fixture.pass(seconds: 101)
        for (ciphertext, data) in zip(ciphertexts, data) {
            self.fixture.server.answer(with: Self.lie, Self.truth)
            #expect(try await self.fixture.decrypt(ciphertext, .named("a"), data).bytes == Self.truth)
        }
        #expect(self.fixture.service.statistics.contradictions == 3)
        #expect(self.fixture.server.contradictions.count == 3)
        #expect(self.fixture.notices.count == 1)
    }
}

struct ContradictedFingerprintsTests {
    private var fingerprints = ContradictedFingerprints(countMax: 3, duration: .seconds(10))

    @Test mutating func theyStayForTheDuration() {
        self.fingerprints.insert(.number(1), at: .seconds(100))
        #expect(self.fingerprints.contains(.number(1), at: .seconds(109)))
        #expect(!self.fingerprints.contains(.number(1), at: .seconds(110)))
        #expect(!self.fingerprints.contains(.number(2), at: .seconds(100)))
    }

    @Test mutating func theDurationBeginsAnewAndTheOldEndDoesNotCount() {
        self.fingerprints.insert(.number(1), at: .seconds(100))
        self.fingerprints.insert(.number(1), at: .seconds(105))
        self.fingerprints.insert(.number(2), at: .seconds(111))
        #expect(self.fingerprints.contains(.number(1), at: .seconds(114)))
    }

    @Test mutating func theOldestGoesBeyondTheBound() {
        for number in 1...4 { self.fingerprints.insert(.number(number), at: .seconds(100 + number)) }
        #expect(
            (1...4).map { self.fingerprints.contains(.number($0), at: .seconds(105)) } == [false, true, true, true])
    }

    @Test mutating func oneThatIsConfirmedIsForgotten() {
        self.fingerprints.insert(.number(1), at: .seconds(100))
        self.fingerprints.remove(.number(1))
        #expect(!self.fingerprints.contains(.number(1), at: .seconds(101)))
    }
}
