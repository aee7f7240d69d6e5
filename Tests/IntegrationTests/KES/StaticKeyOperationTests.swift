// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// What a static key can do and what it cannot, in KES's words.
@Suite struct StaticKeyOperationTests {
    @Test(
        arguments: Way.allCases,
        [
            HTTPRequest.encrypt(plaintext: [1, 2, 3]),
            .post(
                "/v1/key/import/new-key",
                "{\"key\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"cipher\":\"AES256\"}"),
            .get("/v1/key/describe/my-key"), HTTPRequest("DELETE", "/v1/key/delete/my-key"),
            HTTPRequest("PUT", "/v1/key/create/new-key"),
        ]
    )
    func whatItCannotDoIsNotImplemented(way: Way, request: HTTPRequest) throws {
        let connection = try SharedAgent.connect(by: way)
        let answer = try connection.ask(request)
        #expect(answer.status == 501)
        #expect(answer.message?.isEmpty == false)
        #expect(!answer.closes)
        try expectNextAnswer(on: connection)
    }

    @Test(arguments: Way.allCases, ["PUT", "POST"])
    func itsOwnNameExists(way: Way, method: String) throws {
        let answer = try SharedAgent.ask(by: way, HTTPRequest(method, "/v1/key/create/my-key"))
        expect(answer, refuses: 400, "key already exists")
    }

    @Test(arguments: Way.allCases, ["my-key", "another-key"])
    func macsAreTheKeysWhateverTheName(way: Way, name: String) throws {
        let connection = try SharedAgent.connect(by: way)
        let ofNothing = try connection.ask(.post("/v1/key/hmac/\(name)", "{\"message\":\"\"}"))
        #expect(
            ofNothing.bytes("hmac")?.hex() == "d38b42096d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb")
        let ofHello = try connection.ask(.post("/v1/key/hmac/\(name)", "{\"message\":\"aGVsbG8=\"}"))
        #expect(ofHello.body.count == 56 && ofHello.bytes("hmac")?.count == 32)
    }

    /// An object store derives its root credentials from these two.
    @Test func macsAreThoseOfTheObjectStoresOwnKey() throws {
        try withAgent {
            $0.environment["MINIO_KMS_SECRET_KEY"] = "k1:eEm+JI9/q4JhH8QwKvf3LKo4DEBl6QbfvAl1CAbMIv8="
        } body: { agent in
            let messages = [
                ("root access key", "bf4421138329b920afeb9b28fe198e062ec63d09a0104ba44c64e54a6399afe2"),
                ("root secret key", "8a7dcab42c5776360e786acbe869cc8a08d251da7f1ce8d6a55751ba426d34f2"),
            ]
            for (message, code) in messages {
                let answer = try agent.ask(
                    .post("/v1/key/hmac/k1", "{\"message\":\"\(Array(message.utf8).base64)\"}"))
                #expect(answer.bytes("hmac")?.hex() == code)
            }
        }
    }

    @Test(arguments: Way.allCases, ["", "/", "/*", "/m", "/m*", "/my-key", "/my-key*"])
    func theOneKeyIsListed(way: Way, prefix: String) throws {
        let answer = try SharedAgent.ask(by: way, .get("/v1/key/list\(prefix)"))
        #expect(answer.status == 200)
        #expect(answer.json == .object(["names": .array([.string("my-key")])]))
    }

    @Test(arguments: Way.allCases, ["zzz", "zzz*", "my-key2", "MY"])
    func anEmptyListIsAListAndNotNull(way: Way, prefix: String) throws {
        let answer = try SharedAgent.ask(by: way, .get("/v1/key/list/\(prefix)"))
        #expect(answer.status == 200 && answer.text == "{\"names\":[]}\n")
    }

    @Test(arguments: Way.allCases, ["my-", "-", "-m", "m*y", "**", "_", "a.b", String(repeating: "a", count: 82)])
    func aPatternThatIsNoneIsRefused(way: Way, pattern: String) throws {
        expect(
            try SharedAgent.ask(by: way, .get("/v1/key/list/\(pattern)")), refuses: 400,
            "listing pattern '\(pattern)' is empty, too long or is invalid")
    }

    @Test(arguments: Way.allCases) func aBodyThatNobodyAskedForIsPassedOver(way: Way) throws {
        let connection = try SharedAgent.connect(by: way)
        for body in [HTTPRequest.Body.fixed("{}"), .chunked("{}"), .chunked("")] {
            #expect(try connection.ask(HTTPRequest("GET", "/v1/key/list/", body: body)).status == 200)
            expect(
                try connection.ask(HTTPRequest("PUT", "/v1/key/create/my-key", body: body)), refuses: 400,
                "key already exists")
        }
    }
}

extension HTTPRequest: CustomTestStringConvertible {
    package var testDescription: String { "\(self.method) \(self.target)" }
}
