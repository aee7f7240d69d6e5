// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer
import KeyService
import Linux
import ServerTestSupport
import Synchronization
import TestSupport
import Testing

@testable import KESFront

/// What the record of a request holds, however the request came and ended.
@Suite(.timeLimit(.minutes(5))) struct RequestRecordTests {
    private final class Records: RequestObserver {
        private let records = Mutex<[RequestRecord]>([])

        func requestEnded(_ record: RequestRecord) { self.records.withLock { $0.append(record) } }

        var all: [RequestRecord] { self.records.withLock { $0 } }
    }

    private let records = Records()

    private func connect(_ bench: KESServiceFixture) async throws -> TestConnection {
        try await TestConnection(fronts: bench.fronts, observer: self.records)
    }

    @Test(
        "HTTP/1.1 and HTTP/2 make the same record", arguments: [false, true], [ScriptedKeyService.Speed.atOnce, .later])
    func bothVersions(isHTTP2: Bool, speed: ScriptedKeyService.Speed) async throws {
        let client = try await self.connect(KESServiceFixture(speed)).client
        if isHTTP2 {
            let http2 = try await HTTP2Client(client)
            try await http2.send(.request(1, "PUT", "/v1/key/generate/my-key", [("x-request-id", "mine")]))
            _ = try await http2.receive(1)
        } else {
            try await client.send(
                "PUT /v1/key/generate/my-key HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\nContent-Length: 2\r\n\r\n{}")
            _ = try await client.receive()
        }
        let record = try #require(self.records.all.first)
        #expect(self.records.all.count == 1)
        #expect(record.id == .offered(Array("mine".utf8)))
        #expect(record.peer == .local)
        #expect(record.subject == .operation(.generateKey))
        #expect(record.keyName == KeyName("my-key"))
        #expect(record.outcome.status == .ok)
        #expect(record.duration >= .zero)
        #expect(record.outcome.upstream?.endpoint == (speed == .later ? EndpointIndex(2) : nil))
        if let upstream = record.outcome.upstream { #expect(upstream.duration <= record.duration) }
    }

    @Test(
        "what ends otherwise",
        arguments: [
            ("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", RequestSubject.unknown, nil, ResponseStatus.notFound),
            ("GET /v1/key/describe/- HTTP/1.1\r\nHost: x\r\n\r\n", .operation(.describeKey), nil, .badRequest),
            ("GET /v1/key/describe/no-key HTTP/1.1\r\nHost: x\r\n\r\n", .operation(.describeKey), "no-key", .notFound),
            ("DELETE /v1/keyside/cache/my-key HTTP/1.1\r\nHost: x\r\n\r\n", .cache, "my-key", .ok),
            ("nonsense\r\n", .unknown, nil, .badRequest),
        ] as [(String, RequestSubject, String?, ResponseStatus)])
    func others(request: String, subject: RequestSubject, name: String?, status: ResponseStatus) async throws {
        let client = try await self.connect(KESServiceFixture()).client
        try await client.send(request)
        _ = try await client.receive()
        let record = try #require(self.records.all.first)
        #expect(self.records.all.count == 1)
        #expect(record.subject == subject)
        #expect(record.keyName == name.flatMap(KeyName.init))
        #expect(record.outcome.status == status)
        #expect((record.request == nil) == request.hasPrefix("nonsense"))
    }
}
