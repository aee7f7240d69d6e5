// SPDX-License-Identifier: Apache-2.0

import KeyService
import TestSupport
import Testing

@testable import KeyCache

@Suite struct RequestBodyIndexTests {
    @Test("a wording is known as it was learned last, and no other one is")
    func learning() {
        var table = RequestBodyTable(placeCount: 4)
        let requestBodies = (0..<8).map { Fingerprint(low: UInt64($0), high: UInt64($0) + 100) }
        #expect(requestBodies.allSatisfy { table.question(of: $0) == nil })
        for (index, requestBody) in requestBodies.enumerated() {
            let question = Fingerprint(low: UInt64(index), high: 7)
            table.remember(requestBody, of: question)
            #expect(table.question(of: requestBody) == question)
            // It has pushed out the one in its place, and none but that one.
            for (other, known) in requestBodies[..<index].enumerated() {
                #expect((table.question(of: known) != nil) == (other > index - 4))
            }
        }
        // The same place is not the same wording.
        #expect(table.question(of: Fingerprint(low: 7, high: 100)) == nil)
    }

    private static let plaintext = [UInt8](0..<32)
    private static let words = Array("any bytes at all".utf8)

    private static func learned(_ fixture: CacheFixture) async throws -> Ciphertext {
        let ciphertext = fixture.server.seal(self.plaintext, .named("a"))
        _ = try await fixture.decrypt(ciphertext)
        fixture.service.remember(
            requestBody: self.words.span, of: .named("a"), ciphertext: ciphertext, associatedData: AssociatedData())
        return ciphertext
    }

    private static func ask(
        _ fixture: CacheFixture, _ words: [UInt8] = Self.words, of name: KeyName = .named("a")
    ) throws -> AnswerOrigin? {
        guard let decryption = try fixture.service.decryptImmediately(name, requestBody: words.span) else { return nil }
        #expect(decryption.plaintext.array == self.plaintext)
        return decryption.origin
    }

    @Test("what was learned answers as the question does, and nothing else does")
    func answering() async throws {
        let fixture = try CacheFixture(any: 100)
        #expect(try Self.ask(fixture) == nil)
        _ = try await Self.learned(fixture)
        #expect(try Self.ask(fixture) == .hit(age: 0))
        #expect(try Self.ask(fixture, of: .named("b")) == nil)
        #expect(try Self.ask(fixture, Self.words + [0]) == nil)
        #expect(try Self.ask(fixture, []) == nil)
        fixture.pass(seconds: 60)
        #expect(try Self.ask(fixture) == .hit(age: 60))
        #expect(fixture.service.statistics.hits == 2)
    }

    @Test("whoever has not read a question leaves it to others to renew its answer")
    func renewal() async throws {
        let fixture = try CacheFixture(any: 100)
        let ciphertext = try await Self.learned(fixture)
        fixture.pass(seconds: 95)
        #expect(try Self.ask(fixture) == nil)
        #expect(fixture.server.decryptCount == 1)
        #expect(try fixture.decryptImmediately(ciphertext) == .init(Self.plaintext, .hit(age: 95)))
        try await fixture.until("the renewal") { fixture.service.statistics.renewals.succeeded == 1 }
        #expect(try Self.ask(fixture) == .hit(age: 0))
    }

    enum End: CaseIterable {
        case time, purge, identity
    }

    @Test("what was learned answers no longer than the question does", arguments: End.allCases)
    func end(_ end: End) async throws {
        let fixture = try CacheFixture(any: 100)
        let ciphertext = try await Self.learned(fixture)
        switch end {
        case .time: fixture.pass(seconds: 101)
        case .purge: #expect(fixture.service.forget(.named("a")) == 1)
        case .identity: fixture.service.changeIdentity()
        }
        #expect(try Self.ask(fixture) == nil)
        _ = try await fixture.decrypt(ciphertext)
        // A new identity makes other questions of the same words; otherwise they are still known.
        #expect(try Self.ask(fixture) == (end == .identity ? nil : .hit(age: 0)))
    }

    @Test("no wording has the fingerprint of a question")
    func domains() {
        let fingerprinter = Fingerprinter(key: (1, 2))
        let bytes = [UInt8](repeating: 0, count: 24)
        for name in ["a", "another-name"] {
            let requestBody = fingerprinter.fingerprint(generation: 1, name: .named(name), requestBody: bytes.span)
            for version: UInt64 in [0, 1] {
                let question = fingerprinter.fingerprint(
                    generation: 1, name: .named(name), version: version, ciphertext: bytes.span,
                    associatedData: [UInt8]().span)
                #expect(requestBody != question)
            }
        }
    }
}
