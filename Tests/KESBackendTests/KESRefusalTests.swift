// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import CurlTransport
import KESProtocol
import KeyService
import TestSupport
import Testing

@testable import Cluster
@testable import KESBackend

/// Answers that are failures, and answers that are none.
@Suite struct KESRefusalTests {
    @Test(
        "what a server refuses is what the caller hears, and no other server is asked",
        arguments: [
            (404, "key does not exist", KeyServiceError.keyNotFound),
            (400, "decryption failed: ciphertext is not authentic", .decryptionFailed),
            (403, "not authorized: insufficient permissions", .notAllowed), (403, "prohibited by policy", .notAllowed),
            (400, "key already exists", .keyExists), (400, "key does already exist", .keyExists),
            (409, "key does not support HMAC", .hmacNotSupported), (406, "no", .unsupportedAlgorithm),
            (501, "no", .notSupported), (404, "404 page not found", .notSupported), (400, "no", .internalFailure),
            (499, "no", .internalFailure),
        ]
    )
    func refusals(status: Int, message: String, error: KeyServiceError) async throws {
        let bench = try KESServiceFixture(["a", "b"]) { _ in .message(status, message) }
        await #expect(throws: error) { try await bench.decrypt() }
        #expect(bench.transport.asks.entries.count == 1)
        #expect(bench.areAllOnline)
        #expect(bench.notices.entries.isEmpty)
    }

    @Test(
        "an answer that is none is an error of the inside, and its server is not put aside for it",
        arguments: [
            (200, "", "cannot be read"), (200, "<html>", "cannot be read"),
            (200, #"{"plaintext":5}"#, "cannot be read"),
            (200, #"{"plaintext":"a2V"}"#, "cannot be read"), (200, "[]", "cannot be read"),
            (200, "{}", "has no 'plaintext'"), (204, "", "has the status 204"), (301, "", "has the status 301"),
        ]
    )
    func unusableAnswers(status: Int, body: String, words: String) async throws {
        let bench = try KESServiceFixture { _ in .answer(status, body) }
        await #expect(throws: KeyServiceError.internalFailure) { try await bench.decrypt() }
        #expect(bench.areAllOnline)
        #expect(bench.service.cluster.metrics.count(.decrypt, at: 0, .unusable) == 1)
        let notices = bench.notices.entries
        #expect(notices.count == 1)
        guard case .unusableAnswer("a", .decrypt, let reason)? = notices.first else {
            Issue.record("\(notices)")
            return
        }
        #expect(reason.contains(words))
    }

    @Test("a data key of another length than 32 bytes is refused", arguments: [0, 1, 10, 11, 12, 100])
    func keyLength(groups: Int) async throws {
        let bench = try KESServiceFixture { _ in
            .answer(200, #"{"plaintext":"\#(String(repeating: "AAAA", count: groups))","ciphertext":"AQID"}"#)
        }
        await #expect(throws: KeyServiceError.internalFailure) {
            _ = try await bench.service.generateKey(bench.name, associatedData: AssociatedData())
        }
    }

    @Test("a page where nothing belongs is not taken for success")
    func pageInsteadOfNothing() async throws {
        let bench = try KESServiceFixture { _ in .answer(200, "<html>") }
        await #expect(throws: KeyServiceError.internalFailure) { try await bench.service.createKey(bench.name) }
        await #expect(throws: KeyServiceError.internalFailure) { try await bench.service.deleteKey(bench.name) }
    }

    @Test func anAnswerThatIsTooLargeIsAnErrorOfTheInside() async throws {
        let bench = try KESServiceFixture { _ in .failure(.answerTooLarge, wasSent: true) }
        await #expect(throws: KeyServiceError.internalFailure) { try await bench.decrypt() }
        #expect(bench.areAllOnline)
    }

    @Test("where one server answers nonsense, another is asked")
    func nonsenseFromOne() async throws {
        let bench = try KESServiceFixture(["a", "b"]) { $0.endpoint == "a" ? .answer(200, "{}") : .plaintext }
        for _ in 0..<20 { #expect(try await bench.decrypt() == Array("key".utf8)) }
        #expect(bench.areAllOnline)
    }

    @Test("nonsense is told of once in a while, not with every answer")
    func unusableAnswersAreToldOnce() async throws {
        let bench = try KESServiceFixture { _ in .answer(200, "{}") }
        for _ in 0..<10 { _ = try? await bench.decrypt() }
        #expect(bench.notices.entries.count == 1)
        bench.clock.advance(by: .seconds(60))
        _ = try? await bench.decrypt()
        #expect(bench.notices.entries.count == 2)
    }

    @Test(
        "what fails on this side is said so, is not repeated, and blames nobody",
        arguments: [
            (TransferFailure.Kind.stopped, KeyServiceError.unavailable), (.cancelled, .unavailable),
        ] as [(TransferFailure.Kind, KeyServiceError)]
    )
    func ownFailures(kind: TransferFailure.Kind, error: KeyServiceError) async throws {
        let bench = try KESServiceFixture(["a", "b"]) { _ in .failure(kind, wasSent: false) }
        await #expect(throws: error) { try await bench.decrypt() }
        #expect(bench.transport.asks.entries.count == 1)
        #expect(bench.areAllOnline)
    }
}
