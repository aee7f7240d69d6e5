// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import KeyService
import Testing

@Suite struct KESFailureTests {
    @Test(
        "what a client sees of an error",
        arguments: [
            (.keyNotFound, .decrypt, 404, "key does not exist"),
            (.keyNotFound, .deleteKey, 404, "key does not exist"),
            (.keyExists, .createKey, 400, "key already exists"),
            (.notAllowed, .generateKey, 403, "not authorized: insufficient permissions"),
            (.decryptionFailed, .decrypt, 400, "decryption failed: ciphertext is not authentic"),
            (.notSupported, .createKey, 501, "requested functionality is not supported"),
            (.hmacNotSupported, .hmac, 409, "key does not support HMAC"),
            (.overloaded, .encrypt, 503, "too many requests in progress"),
            (.outOfMemory, .encrypt, 503, "no locked memory left for this request at present"),
            (.timedOut, .decrypt, 504, "the key server did not answer in time"),
            (.unavailable, .describeKey, 502, "failed to read key"),
            (.unavailable, .generateKey, 502, "failed to read key"),
            (.unavailable, .encrypt, 502, "failed to read key"),
            (.unavailable, .decrypt, 502, "failed to read key"),
            (.unavailable, .hmac, 502, "failed to read key"),
            (.unavailable, .createKey, 502, "failed to create key"),
            (.unavailable, .importKey, 502, "failed to create key"),
            (.unavailable, .listKeys, 502, "failed to list keys"),
            (.unavailable, .deleteKey, 502, "failed to delete key"),
            (.unavailable, .ready, 504, "key store is not reachable"),
            (.unavailable, .status, 502, "key store is unavailable"),
            (.internalFailure, .createKey, 500, "failed to generate encryption key"),
            (.internalFailure, .generateKey, 500, "failed to generate encryption key"),
            (.internalFailure, .encrypt, 500, "failed to encrypt plaintext"),
            (.internalFailure, .decrypt, 500, "failed to decrypt ciphertext"),
            (.internalFailure, .importKey, 500, "failed to create key"),
            (.internalFailure, .version, 500, "failed to read server version"),
        ] as [(KeyServiceError, Operation, Int, String)]
    )
    func table(error: KeyServiceError, endpoint: Operation, status: Int, message: String) {
        #expect(KESFailure(error, at: endpoint) == KESFailure(status: status, message: message))
    }

    @Test("every error comes back as itself, from every endpoint", arguments: KeyServiceError.allCases)
    func roundTrip(error: KeyServiceError) {
        for endpoint in Operation.allCases {
            let failure = KESFailure(error, at: endpoint)
            #expect(failure.status >= 400)
            // Another agent's lack of memory is a load that it cannot take, not a lack of this process's own.
            let expected: KeyServiceError = error == .outOfMemory ? .overloaded : error
            #expect(KeyServiceError(kes: failure) == expected, "\(endpoint)")
            #expect(KESFailure(status: failure.status, body: failure.body.span) == failure)
        }
    }

    @Test(
        "failures of older servers, of other routes and of proxies",
        arguments: [
            (400, "key does already exist", .keyExists),
            (403, "prohibited by policy", .notAllowed),
            (403, "<html>", .notAllowed),
            (401, "", .notAllowed),
            (404, "404 page not found\n", .notSupported),
            (400, "invalid request body", .internalFailure),
            (400, "key name 'ä' is empty, too long or contains invalid characters", .internalFailure),
            (405, "received method 'GET' expected 'PUT'", .internalFailure),
            (406, "algorithm 'x' is not supported", .unsupportedAlgorithm),
            (406, "invalid key size for 'AES256'", .unsupportedAlgorithm),
            (409, "something else", .internalFailure),
            (500, "", .internalFailure),
            (502, "Bad Gateway", .unavailable),
            (502, "key store is unavailable", .unavailable),
            (503, "", .overloaded),
            (504, "Gateway Timeout", .timedOut),
            (504, "key store is not reachable", .unavailable),
            (418, "", .internalFailure),
        ] as [(Int, String, KeyServiceError)]
    )
    func inverse(status: Int, message: String, error: KeyServiceError) {
        #expect(KeyServiceError(kes: KESFailure(status: status, message: message)) == error)
    }

    @Test("the refusals before any key is looked at")
    func refusals() {
        #expect(
            KESFailure.invalidBody(for: .generateKey) == KESFailure(status: 400, message: "invalid request body")
        )
        #expect(
            KESFailure.invalidBody(for: .importKey)
                == KESFailure(status: 400, message: "invalid import key request body")
        )
        #expect(
            KESFailure.wrongMethod(Array("GET".utf8).span, for: .decrypt)
                == KESFailure(status: 405, message: "received method 'GET' expected 'PUT'")
        )
    }

    @Test(
        "the line end stands before the closing brace, and Go escapes what browsers might take for a tag",
        arguments: [
            ("key does not exist", "{\"message\":\"key does not exist\"\n}"),
            ("key name '<a>&\"\\'", "{\"message\":\"key name '\\u003ca\\u003e\\u0026\\\"\\\\'\"\n}"),
            ("ä\0\u{2028}\u{FFFD}", "{\"message\":\"ä\\u0000\\u2028\u{FFFD}\"\n}"),
            ("", "{\"message\":\"\"\n}"),
        ]
    )
    func body(message: String, body: String) {
        let failure = KESFailure(status: 400, message: message)
        #expect(text(failure.body) == body)
        #expect(KESFailure(status: 400, body: failure.body.span) == failure)
    }

    @Test(
        "the message of an answer that failed",
        arguments: [
            (#"{"message":"a"}"#, "a"), (#"{"message":"a","error":"b"}"#, "b"), (#"{"Error":"b"}"#, "b"), ("{}", ""),
            ("", ""), ("404 page not found\n", "404 page not found\n"), (#"{"message":5}"#, #"{"message":5}"#),
            ("<html>", "<html>"),
        ]
    )
    func message(body: String, message: String) {
        #expect(KESFailure(status: 500, body: Array(body.utf8).span).message == message)
    }
}
