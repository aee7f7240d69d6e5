// SPDX-License-Identifier: Apache-2.0

import Authorization
import Cryptography
import HTTPMessages
import HTTPServer
import KESProtocol
import KeyService
import Linux
import ServerTestSupport
import TLS
import Telemetry
import Testing

@testable import KESFront

/// What the KES front makes of a request before any key is asked for.
@Suite(.timeLimit(.minutes(5))) struct KESFrontTests {
    // MARK: What is looked at first

    @Test(
        "method, then name, then body, then key",
        arguments: [
            ("GET", "/v1/key/decrypt/-", "{", 405, "received method 'GET' expected 'PUT'"),
            ("POST", "/v1/key/decrypt/-", "{", 400, "key name '-' is empty, too long or contains invalid characters"),
            ("POST", "/v1/key/decrypt/", "{", 400, "key name '' is empty, too long or contains invalid characters"),
            ("POST", "/v1/key/decrypt/no-key", "{", 400, "invalid request body"),
            ("POST", "/v1/key/decrypt/no-key", "{}", 404, "key does not exist"),
            ("GET", "/v1/key/list/a*b", "", 400, "listing pattern 'a*b' is empty, too long or is invalid"),
            ("POST", "/v1/key/import/no-key", "{", 400, "invalid import key request body"),
            ("DELETE", "/version", "", 405, "received method 'DELETE' expected 'GET'"),
            ("POST", "/metrics", "", 405, "received method 'POST' expected 'GET'"),
            ("get", "/version", "", 405, "received method 'get' expected 'GET'"),
        ])
    func order(method: String, path: String, body: String, status: Int, message: String) async throws {
        let bench = try KESServiceFixture()
        let length = "Content-Length: \(body.utf8.count)"
        let answer = try await bench.ask("\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(length)\r\n\r\n\(body)")
        #expect(answer.status == status)
        #expect(answer.text == "{\"message\":\"\(message)\"\n}")
        let method = message.split(separator: "'").last.map(String.init)
        #expect(answer["Accept"] == (status == 405 ? method : nil))
        #expect(answer["Allow"] == (status == 405 ? method : nil))
    }

    @Test(
        "paths that lead nowhere, or elsewhere",
        arguments: [
            ("GET", "/", 404), ("GET", "/v1/status/", 404), ("GET", "/v1/key/bulk/decrypt/my-key", 404),
            ("CONNECT", "x:1", 404),
            ("GET", "/v1//status", 301), ("GET", "/v1/./status", 301), ("OPTIONS", "*", 200),
            ("GET", "/version?x=1", 200),
            ("GET", "http://x/version", 200), ("GET", "/v1/%73tatus", 200),
        ])
    func paths(method: String, path: String, status: Int) async throws {
        let answer = try await KESServiceFixture().ask(request(method, path))
        #expect(answer.status == status)
        switch status {
        case 404:
            #expect(answer.text == "404 page not found\n")
            #expect(answer["X-Content-Type-Options"] == "nosniff")
            #expect(answer["Content-Type"] == "text/plain; charset=utf-8")
        case 301:
            #expect(answer["Location"] == "/v1/status")
        case _:
            #expect(answer["Location"] == nil)
        }
    }

    @Test("limits are those of the API's own table", arguments: Operation.allCases)
    func limits(endpoint: Operation) throws {
        let bench = try KESServiceFixture()
        let method = endpoint.method.rawValue
        let work = bench.fronts.route(
            try head(request(method, endpoint.path + (endpoint.takesName ? "a" : ""))), from: .local)
        #expect(work.refusal == nil)
        #expect(work.bodyByteCountMax == endpoint.bodyByteCountMax)
        #expect(work.timeout == .seconds(endpoint.timeoutInSeconds))
        #expect(work.bodyTooLarge.status == .badRequest)
        #expect(work.bodyTooLarge.body == KESFailure.invalidBody(for: endpoint).body)
        #expect(work.timedOut.status == .gatewayTimeout)
        #expect(work.timedOut.body == KESFailure(.timedOut, at: endpoint).body)
    }

    // MARK: Rights

    @Test("rights are asked for between method and name", arguments: [PeerCredential.none, .authority, .several])
    func rights(credential: PeerCredential) throws {
        let bench = try KESServiceFixture()
        func refusal(_ method: String, _ path: String) throws -> String? {
            let response = bench.fronts.route(try head(request(method, path)), from: Peer(.tls, credential)).refusal
            return response.map { "\($0.status.rawValue) " + String(decoding: $0.body, as: UTF8.self) }
        }
        let message =
            credential == .several ? "received more than one client certificate" : "client certificate is required"
        #expect(try refusal("GET", "/version") == nil)
        #expect(try refusal("GET", "/v1/ready") == nil)
        #expect(try refusal("GET", "/v1/nothing")?.hasPrefix("404") == true)
        #expect(try refusal("GET", "/v1/key/decrypt/-")?.hasPrefix("405") == true)
        for (method, path) in [("PUT", "/v1/key/decrypt/-"), ("GET", "/v1/status"), ("GET", "/metrics")] {
            #expect(try refusal(method, path) == "400 {\"message\":\"tls: \(message)\"\n}")
        }
    }

    @Test(
        "an identity may ask for what the gate lets it, judged by the decoded path, before the name",
        arguments: [
            ("PUT", "/v1/key/decrypt/a", nil), ("PUT", "/v1/key/decrypt/%61", nil),
            ("PUT", "/v1/key/decrypt/secret", 403), ("PUT", "/v1/key/decrypt/%73ecret", 403),
            ("PUT", "/v1/key/generate/a", 403), ("PUT", "/v1/key/generate/-", 403), ("PUT", "/v1/key/decrypt/-", 400),
            ("GET", "/v1/key/decrypt/a", 405), ("GET", "/v1/key/list", nil), ("GET", "/v1/key/list/a*", 403),
            ("GET", "/metrics", nil), ("GET", "/v1/metrics", 403), ("GET", "/v1/keyside/cache", nil),
            ("DELETE", "/v1/keyside/cache/a", 403), ("GET", "/v1/status", 403), ("GET", "/v1/ready", nil),
            ("GET", "/nothing", 404),
        ] as [(String, String, Int?)])
    func gate(method: String, path: String, status: Int?) throws {
        let identities = try [7, 8, 9].map { try #require(Identity(repeatElement($0, count: 32))) }
        let allow = ["/v1/key/decrypt/*", "/v1/key/list/", "/metrics", "/v1/keyside/cache"]
        let policy = Policy(
            name: "store", allow: allow.map(PathPattern.init), deny: [PathPattern("/v1/key/decrypt/secret*")])
        let bench = try KESServiceFixture(
            gate: Gate(
                policies: [policy], bindings: [(.identity(identities[0]), "store")],
                administrators: [.identity(identities[1])]))
        func refusal(of identity: Identity) throws -> Response? {
            bench.fronts.route(try head(request(method, path)), from: Peer(.tls, .identity(identity))).refusal
        }
        let refused = try refusal(of: identities[0])
        #expect(refused?.status.rawValue == status)
        #expect(status != 403 || refused?.body == KESFailure.notAllowed.body)
        #expect([nil, 400, 404, 405].contains(try refusal(of: identities[1])?.status.rawValue))
        let stranger = try refusal(of: identities[2])?.status.rawValue
        #expect(path == "/v1/ready" ? stranger == nil : [403, 404, 405].contains(stranger))
        #expect(try bench.fronts.route(head(request(method, path)), from: .local).refusal?.status.rawValue != 403)
    }

    @Test("rights are asked for each time that a head comes again")
    func gateOfRepeats() throws {
        let identity = try #require(Identity(repeatElement(7, count: 32)))
        func gate(allowing path: String) -> Gate {
            Gate(
                policies: [Policy(name: "store", allow: [PathPattern(path)], deny: [])],
                bindings: [(.identity(identity), "store")])
        }
        let bench = try KESServiceFixture(gate: gate(allowing: "/v1/key/decrypt/*"))
        let peer = Peer(.tls, .identity(identity))
        for (method, path) in [("PUT", "/v1/key/decrypt/%61"), ("GET", "/v1/ready")] {
            bench.authorizer.replace(with: gate(allowing: "/v1/key/decrypt/*"))
            let work = bench.fronts.route(try head(request(method, path)), from: peer)
            try #require(work.mayRecur)
            #expect(work.again(from: peer) === work)

            bench.authorizer.replace(with: gate(allowing: "/v1/key/generate/*"))
            let refused = work.again(from: peer)
            let isOpenToAll = path == "/v1/ready"
            #expect(refused.refusal?.status == (isOpenToAll ? nil : .forbidden))
            #expect(refused.mayRecur == isOpenToAll)
        }
        #expect(bench.authorizer.denials.byPolicy.current == 1)
    }

    @Test("what is refused is routed anew", arguments: ["/v1/key/decrypt/-", "/v1/nothing", "/v1//status"])
    func refusalsDoNotRecur(path: String) throws {
        #expect(try !KESServiceFixture().fronts.route(head(request("PUT", path)), from: .local).mayRecur)
    }

    @Test("one head stands for many requests, each with a body of its own")
    func repeats() async throws {
        let bench = try KESServiceFixture(.atOnce)
        let paths = ["no-key", "my-key", "my-key", "my-key", "no-key", "no-key", "-", "-", "my-key"]
        let bodies = ["{}", "{}", "{ ", "{}", "{}", "x}", "{}", "x}", "{}"]
        let requests = zip(paths, bodies).map { put("/v1/key/decrypt/\($0)", $1) }
        let client = try await bench.connect().client
        try await client.send(requests.joined())
        for (request, answer) in zip(requests, try await client.receive(requests.count)) {
            let alone = try await bench.ask(request)
            #expect(answer.withoutTimeAndID == alone.withoutTimeAndID)
        }
    }

    // MARK: Refusals of HTTP's own

    @Test func whatIsNoRequestIsRefusedInKESForm() async throws {
        let answer = try await KESServiceFixture().ask("GET /version HTTP/1.1\r\n\r\n")
        #expect(answer.status == 400)
        #expect(answer["Content-Type"] == "application/json")
        #expect(answer.text == "{\"message\":\"missing Host header\"\n}")
        #expect(answer.closes)
    }

    @Test func oneConnectionTooManyIsToldWhenToComeBack() async throws {
        let bench = try KESServiceFixture()
        try await TestServer.run(bench.fronts, observer: bench.requestMetrics, connections: ConnectionCount(limit: 0)) {
            server in
            let answer = try await server.client().receive()
            #expect(answer.status == 503)
            #expect(answer["Retry-After"] == "1")
            #expect(answer.text == "{\"message\":\"too many connections\"\n}")
            #expect(answer.closes)
        }
    }
}
