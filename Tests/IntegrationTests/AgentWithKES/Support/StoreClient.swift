// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// The client of an object store as it comes to an agent: KES's own client for Go, by HTTP/2 over TLS. One connection, bodies
/// whose length nobody announces, three tries where the transport fails or the server says 503. It waits between tries, which
/// is left out here.
final class StoreClient {
    private let listener: TLSAgent
    private let pair: TestKeyPair
    private var connection: HTTP2Connection?
    private(set) var connectionCount = 0

    private static let tryCount = 3

    init(_ listener: TLSAgent, as pair: TestKeyPair) {
        self.listener = listener
        self.pair = pair
    }

    func get(_ path: String) throws -> HTTPAnswer { try self.call("GET", path, nil) }
    func post(_ path: String, _ body: String? = nil) throws -> HTTPAnswer { try self.call("POST", path, body) }

    /// - Throws: what the last try failed with.
    private func call(_ method: String, _ path: String, _ body: String?) throws -> HTTPAnswer {
        let request = Self.request(method, path, body)
        var outcome = self.outcome(of: request)
        for _ in 1..<Self.tryCount where !outcome.isFinal { outcome = self.outcome(of: request) }
        return try outcome.get()
    }

    private func outcome(of request: HTTPRequest) -> Result<HTTPAnswer, TestFailure> {
        let outcome = Result { () throws(TestFailure) in try self.ask(request) }
        if case .failure = outcome { self.connection = nil }
        return outcome
    }

    private func ask(_ request: HTTPRequest) throws(TestFailure) -> HTTPAnswer {
        if let connection = self.connection, !connection.isLeaving { return try connection.ask(request) }
        let connection = try self.listener.connectHTTP2(as: self.pair)
        self.connection = connection
        self.connectionCount += 1
        return try connection.ask(request)
    }

    private static func request(_ method: String, _ path: String, _ body: String?) -> HTTPRequest {
        var request = HTTPRequest(
            method, path, fields: ["accept-encoding: gzip", "user-agent: Go-http-client/2.0"])
        if let body {
            request.fields.append("content-type: application/json")
            request.body = .chunked(body)
        }
        return request
    }
}

extension Result<HTTPAnswer, TestFailure> {
    /// Whether another try could bring nothing better.
    fileprivate var isFinal: Bool {
        switch self {
        case .success(let answer): answer.status != 503
        case .failure: false
        }
    }
}
