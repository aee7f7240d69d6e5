// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Paths, names and methods, in the order in which KES looks at them: method, rights, name, body, key.
@Suite struct RoutingTests {
    @Test(
        arguments: Way.allCases,
        [
            String(repeating: "a", count: 80), "__", "a--b", "a_", "_a", "0", "A-Z_9", "my%2Dkez",
        ]
    )
    func aNameThatMayBeButIsNotTheKeysIsNotFound(way: Way, name: String) throws {
        let answer = try SharedAgent.ask(by: way, .generate(name))
        expect(answer, refuses: 404, "key does not exist")
    }

    @Test(
        arguments: Way.allCases,
        [
            (String(repeating: "a", count: 81), String(repeating: "a", count: 81)),
            ("_", "_"), ("-a", "-a"), ("a-", "a-"), ("-", "-"), ("%C3%A4", "ä"), ("a%2Fb", "a/b"), ("a/b", "a/b"),
            ("a%00b", "a\u{0}b"), ("a.b", "a.b"), ("a*", "a*"), ("a%20b", "a b"), ("a%25b", "a%b"), ("", ""),
            ("my-key/", "my-key/"), ("%FF", "\u{FFFD}"), ("%3Cb%3E&", "<b>&"), ("a%22b%5C", "a\"b\\"),
        ]
    )
    func aNameThatCannotBeIsRefused(way: Way, name: (escaped: String, decoded: String)) throws {
        let (escaped, decoded) = name
        let connection = try SharedAgent.connect(by: way)
        for operation in ["generate", "decrypt", "encrypt", "hmac", "create", "import"] {
            let answer = try connection.ask(.post("/v1/key/\(operation)/\(escaped)", "{}"))
            expect(
                answer, refuses: 400, "key name '\(decoded)' is empty, too long or contains invalid characters",
                "\(operation)")
        }
        #expect(
            try connection.ask(.get("/v1/key/describe/%3Ca%3E&")).text.contains(#"'\u003ca\u003e\u0026'"#),
            "as Go writes JSON")
    }

    @Test(arguments: Way.allCases) func pathsAreDecodedBeforeTheyMeanAnything(way: Way) throws {
        let connection = try SharedAgent.connect(by: way)
        for path in [
            "/v1/key/generate/m%79-key", "/v1/%6Bey/generate/my-key", "/v1/key/generate/my-key?x=1&y=%zz",
            "/v1/key/generate/my-key#f",
        ] + (way.isHTTP2 ? [] : ["http://elsewhere/v1/key/generate/my-key"]) {
            #expect(try connection.ask(.post(path, "{}")).isDataKey, "\(path)")
        }
    }

    @Test(
        arguments: Way.allCases, ["/v1/key/generate/..", "/v1/key/generate/%2e%2e", "/v1/key/generate/../../version"])
    func dotsLeadNowhere(way: Way, path: String) throws {
        let answer = try SharedAgent.ask(by: way, .get(path))
        #expect([301, 400, 405].contains(answer.status), "\(answer.status) \(answer.text)")
    }

    @Test(arguments: Way.allCases, [("/v1/key//generate/my-key", "/v1/key/generate/my-key"), ("/v1/./api", "/v1/api")])
    func aPathToBeCleanedIsRedirectedOrServed(way: Way, path: (asSent: String, clean: String)) throws {
        let answer = try SharedAgent.ask(by: way, .get(path.asSent))
        let cleanAnswer = try SharedAgent.ask(by: way, .get(path.clean))
        #expect(answer["Location"] == path.clean && answer.status == 301 || answer.status == cleanAnswer.status)
    }

    @Test(
        arguments: Way.allCases,
        [
            "/", "/v1", "/v1/", "/v1/key/", "/v1/status/", "/version/", "/v1/api/", "/v1/ready/x", "/v2/status",
            "/v1/key/bulk/decrypt/my-key", "/v1/secret/create/x", "/v1/enclave/create/x", "/V1/status", "/v1/keyside",
        ]
    )
    func whatIsNotThereIsNotFoundAsKESSaysIt(way: Way, path: String) throws {
        let connection = try SharedAgent.connect(by: way)
        for method in ["GET", "POST", "FOO"] {
            let answer = try connection.ask(HTTPRequest(method, path))
            #expect(answer.status == 404, "\(method)")
            #expect(answer.text == "404 page not found\n")
            #expect(answer["Content-Type"] == "text/plain; charset=utf-8")
            #expect(answer["X-Content-Type-Options"] == "nosniff")
        }
    }

    static let routes = [
        ("/version", "GET"), ("/v1/ready", "GET"), ("/v1/status", "GET"), ("/v1/metrics", "GET"), ("/v1/api", "GET"),
        ("/v1/key/create/a", "PUT"), ("/v1/key/import/a", "PUT"), ("/v1/key/describe/a", "GET"),
        ("/v1/key/delete/a", "DELETE"), ("/v1/key/list/a", "GET"), ("/v1/key/generate/a", "PUT"),
        ("/v1/key/encrypt/a", "PUT"), ("/v1/key/decrypt/a", "PUT"), ("/v1/key/hmac/a", "PUT"), ("/metrics", "GET"),
    ]

    @Test(arguments: Way.allCases, Self.routes)
    func anotherMethodIsRefusedBeforeAnythingElse(way: Way, route: (path: String, method: String)) throws {
        let (path, expected) = route
        let connection = try SharedAgent.connect(by: way)
        for method in ["HEAD", "OPTIONS", "PATCH", "TRACE", "get", "put", "FOO"]
            + ["GET", "DELETE"].filter({ $0 != expected })
        {
            let answer = try connection.ask(HTTPRequest(method, path))
            #expect(answer.status == 405, "\(method)")
            #expect(answer["Accept"] == expected && answer["Allow"]?.contains(expected) == true, "\(method)")
            guard method != "HEAD" else { continue }
            #expect(answer.message == "received method '\(method)' expected '\(expected)'")
        }
        guard expected != "PUT" else { return }
        expect(
            try connection.ask(.post(path, "{}")), refuses: 405, "received method 'POST' expected '\(expected)'")
    }

    @Test(arguments: Way.allCases) func oneMistakeAfterTheOtherIsNamedInOrder(way: Way) throws {
        let connection = try SharedAgent.connect(by: way)
        var request = HTTPRequest("GET", "/v1/key/decrypt/-bad", body: .fixed("no JSON"))
        expect(try connection.ask(request), refuses: 405, "received method 'GET' expected 'PUT'")
        request.method = "PUT"
        if way.isTLS {
            let answer = try SharedAgent.connectAsStranger(by: way).ask(request)
            expect(answer, refuses: 403, "not authorized: insufficient permissions")
        }
        expect(
            try connection.ask(request), refuses: 400,
            "key name '-bad' is empty, too long or contains invalid characters")
        request.target = "/v1/key/decrypt/other-key"
        expect(try connection.ask(request), refuses: 400, "invalid request body")
        request.body = .fixed("{\"ciphertext\":\"\"}")
        expect(try connection.ask(request), refuses: 404, "key does not exist")
        request.target = "/v1/key/decrypt/my-key"
        expect(try connection.ask(request), refuses: 400, "decryption failed: ciphertext is not authentic")
    }

    @Test(arguments: Way.allCases) func aPathOf10000BytesIsAnswered(way: Way) throws {
        let connection = try SharedAgent.connect(by: way)
        let name = String(repeating: "a", count: 10_000)
        expect(
            try connection.ask(.get("/v1/key/describe/\(name)")), refuses: 400,
            "key name '\(name)' is empty, too long or contains invalid characters")
        #expect(try connection.ask(.get("/\(name)")).status == 404)
        try expectNextAnswer(on: connection)
    }

    @Test(arguments: Way.allCases) func theWholeServerCanBeAskedForItsOptions(way: Way) throws {
        let answer = try SharedAgent.ask(by: way, HTTPRequest("OPTIONS", "*"))
        #expect(answer.status == 200 && answer.body.isEmpty && answer["Content-Type"] == nil)
    }
}
