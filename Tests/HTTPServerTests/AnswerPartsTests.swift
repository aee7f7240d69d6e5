// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import KeyService
import Linux
import LockedMemory
import Primitives
import ServerTestSupport
import TestSupport
import Testing

@testable import HTTPServer

/// One request of many commands, by a front that the server knows nothing of.
@Suite(.timeLimit(.minutes(5))) struct AnswerPartsTests {
    private let front = ScriptedFront()
    private let batch: BatchFront

    init() throws {
        self.batch = BatchFront(
            memory: try SecretMemory(slotCount: 1, heapByteCountMax: 1 << 20, allowUnlocked: true))
    }

    private func connect() async throws -> TestConnection {
        try await TestConnection(fronts: FrontRouter(self.front, [self.batch]), observer: self.front)
    }

    /// Sends the commands, and returns what reads the answer.
    private func ask(_ commands: String, overHTTP2: Bool, _ client: RawClient) async throws -> () async throws -> String
    {
        guard overHTTP2 else {
            try await client.send(put("/batch/", commands))
            return { try await client.receive().text }
        }
        let http2 = try await HTTP2Client(client)
        try await http2.send(.request(1, "PUT", "/batch/", ends: false), .data(1, commands))
        return { String(decoding: try await http2.receive(1).body, as: UTF8.self) }
    }

    @Test(
        "parts stand in the order of the commands, whenever they are made", arguments: [false, true],
        ["abc", "aBcDE", "ABC", "AbCd", ""])
    func order(overHTTP2: Bool, commands: String) async throws {
        let answer = try await self.ask(commands, overHTTP2: overHTTP2, self.connect().client)
        for command in commands.reversed() where command.isUppercase {
            self.batch.journal.note("answer [\(command)]")
            await self.batch.journal.wait(for: "made [\(command)]")
        }
        #expect(try await answer() == commands.map { "[\($0)]" }.joined())
    }

    @Test("more deferred parts than are made at a time", arguments: [false, true])
    func many(overHTTP2: Bool) async throws {
        let commands = String(repeating: "aBCd", count: 500)
        let answer = try await self.ask(commands, overHTTP2: overHTTP2, self.connect().client)
        for command in ["B", "C"] { self.batch.journal.note("answer [\(command)]") }
        #expect(try await answer() == commands.map { "[\($0)]" }.joined())
    }

    @Test("without memory for all parts, none of them is sent", arguments: [false, true])
    func noMemory(isDeferred: Bool) async throws {
        let memory = try SecretMemory(slotCount: 1, heapByteCountMax: 1 << 20, allowUnlocked: true)
        var parts = AnswerParts(in: memory)
        parts.append(byteCount: 3) { $0.append("abc") }
        let tooLong = 1 << 60
        if isDeferred {
            parts.append { $0.append(byteCount: tooLong) { $0.append("def") } }
        } else {
            parts.append(byteCount: tooLong) { $0.append("def") }
        }
        var writer = ResponseWriter(in: memory)
        writer.begin(ResponseWriter.Frame(requestID: nil, keepsAlive: true, omitsBody: false))
        let failure = Response(.serviceUnavailable, body: Array("full".utf8))
        let deferred = parts.answer(.ok, contentType: nil, orElse: failure, with: &writer)
        #expect((deferred != nil) == isDeferred)
        await deferred?(&writer)
        #expect(writer.outcome.status == .serviceUnavailable)
        let text = writer.buffer.withBytes { bytes in
            String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
        }
        #expect(text.hasSuffix("full"))
    }

    // MARK: Who answers what

    @Test(
        "the longest prefix of the decoded path picks the front",
        arguments: [
            ("/batch/", true), ("/batch/x", true), ("/%62atch/", true), ("/batch", false), ("/bat/ch/", false),
            ("/at-once", false),
        ])
    func routes(path: String, isBatch: Bool) throws {
        let request = FrontRouter(self.front, [self.batch]).route(try head(request("PUT", path)), from: .local)
        #expect(!(request.bodyByteCountMax == 100_000) == !isBatch)
    }
}
