// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives
import TestSupport
import Testing

@testable import KeyCache

/// Many threads at once. `Tests/sanitize.sh thread` runs this.
@Suite(.timeLimit(.minutes(10))) struct CachedKeyServiceConcurrencyTests {
    @Test("every answer is right, whoever asks, purges, creates and deletes at the same time", arguments: [7, 1_500])
    func everythingAtOnce(capacity: Int) async throws {
        let fixture = try CacheFixture(capacity: capacity, any: 5, unused: 2, offline: 5)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in UInt64(1)...8 {
                group.addTask {
                    var client = Client(seed: number, fixture: fixture)
                    for _ in 1...600 { try await client.act() }
                }
            }
            try await group.waitForAll()
        }
        let statistics = fixture.service.statistics
        #expect(statistics.entries <= capacity)
        #expect(statistics.hits > 0 && statistics.misses > 0 && statistics.evictions.purged > 0)
        // Flights that nobody waits for may still be under way: they end, and hold on to nothing.
        try await fixture.untilQuiet()
        fixture.service.forget(nil)
        #expect(fixture.service.shards.allSatisfy { !$0.hasPurgedEntries })
        #expect(fixture.service.statistics.entries == 0)
    }

    private struct Client {
        private var lots: SeededGenerator
        private let fixture: CacheFixture
        private var made: [(name: KeyName, ciphertext: Ciphertext, plaintext: [UInt8])] = []

        init(seed: UInt64, fixture: CacheFixture) {
            self.lots = SeededGenerator(seed: seed)
            self.fixture = fixture
        }

        mutating func act() async throws {
            let name = KeyName.named(Bool.random(using: &self.lots) ? "a" : "b")
            let service = self.fixture.service
            switch Int.random(in: 0..<100, using: &self.lots) {
            case 0..<40: try await self.decrypt(name, givesUp: false)
            case 40..<50: try await self.decrypt(name, givesUp: true)
            case 50..<75: try self.decryptImmediately(name)
            case 75..<83: try await self.generate(name)
            case 83..<86: service.forget(name)
            case 86: service.forget(nil)
            case 87: service.changeIdentity()
            case 88..<90:
                _ = await Self.failure { () throws(KeyServiceError) in try await service.deleteKey(.named("c")) }
            case 90..<92:
                _ = await Self.failure { () throws(KeyServiceError) in try await service.createKey(.named("c")) }
            case 92..<96: self.fixture.pass(milliseconds: Int.random(in: 0...1_500, using: &self.lots))
            case 96..<98: self.disturb()
            case _: self.fixture.server.fail(with: nil)
            }
        }

        /// One of thirty that all clients ask for.
        private mutating func question(_ name: KeyName) -> (ciphertext: Ciphertext, plaintext: [UInt8]) {
            let number = UInt8.random(in: 0..<30, using: &self.lots)
            let plaintext = Array(repeating: number, count: 1 + Int(number))
            return (self.fixture.server.seal(plaintext, name), plaintext)
        }

        private mutating func decrypt(_ name: KeyName, givesUp: Bool) async throws {
            let (ciphertext, plaintext) = self.question(name)
            let task = Task { [fixture] in try await fixture.decrypt(ciphertext, name) }
            if givesUp { task.cancel() }
            do {
                #expect(try await task.value.bytes == plaintext)
            } catch let error as KeyServiceError {
                #expect(error.isToBeExpected, "\(error)")
            }
        }

        private mutating func decryptImmediately(_ name: KeyName) throws {
            if let made = self.made.randomElement(using: &self.lots), Bool.random(using: &self.lots) {
                guard let answer = try self.fixture.decryptImmediately(made.ciphertext, made.name) else { return }
                #expect(answer.bytes == made.plaintext)
            } else {
                let (ciphertext, plaintext) = self.question(name)
                guard let answer = try self.fixture.decryptImmediately(ciphertext, name) else { return }
                #expect(answer.bytes == plaintext)
            }
        }

        private mutating func generate(_ name: KeyName) async throws {
            do throws(KeyServiceError) {
                let key = try await self.fixture.service.generateKey(name, associatedData: AssociatedData())
                self.made.append((name, key.ciphertext, key.plaintext.array))
            } catch {
                #expect(error.isToBeExpected, "\(error)")
            }
        }

        private mutating func disturb() {
            let errors: [KeyServiceError] = [.unavailable, .timedOut, .notAllowed, .keyNotFound, .overloaded]
            let error = errors.randomElement(using: &self.lots)
            self.fixture.server.fail(with: error, isOutOfReach: error == .unavailable)
        }

        private static func failure(_ body: () async throws(KeyServiceError) -> Void) async -> KeyServiceError? {
            do throws(KeyServiceError) {
                try await body()
                return nil
            } catch {
                return error
            }
        }
    }
}

extension KeyServiceError {
    /// What the key server is made to say, and what is said to those who give up.
    fileprivate var isToBeExpected: Bool {
        switch self {
        case .unavailable, .timedOut, .notAllowed, .keyNotFound, .overloaded: true
        case .keyExists, .decryptionFailed, .notSupported, .unsupportedAlgorithm, .hmacNotSupported, .contradicted,
            .internalFailure, .outOfMemory:
            false
        }
    }
}
