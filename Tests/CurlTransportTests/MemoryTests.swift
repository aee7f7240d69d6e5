// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import Glibc
import LockedMemory
import TestSupport
import Testing

/// Each in a process of its own, where nobody else opens, allocates or keeps anything.
@Suite struct MemoryTests {
    @Test func anAnswerIsNowhereButInLockedMemory() async throws {
        await #expect(processExitsWith: .success) {
            let memory = try Trust.shared.memory
            let plaintext = SharedSecret(try .random(byteCount: 300, in: memory))
            for version in [TransferEngine.HTTPVersion.http11, .http2] {
                let server = try TestServer(protocols: ["h2", "http/1.1"]) { connection in
                    guard connection.shakeHands() else { return }
                    if connection.chosenProtocol == "h2" {
                        return connection.serveStreams { connection.answer($0, plaintext.value) }
                    }
                    while connection.readRequest() != nil { connection.answer(plaintext.value) }
                }
                try await withPool(.patient(version)) { pool async throws in
                    for _ in 0..<10 {
                        let answer = try await pool.perform(.get(server.endpoint))
                        let isWhole = answer.isEqual(to: plaintext.value)
                        #expect(isWhole)
                    }
                    // While the connection is open: its buffers are searched too.
                    #expect(try MemorySearch.copies(of: plaintext, memory: memory) == 0)
                }
                #expect(try MemorySearch.copies(of: plaintext, memory: memory) == 0)
            }
            let copy = plaintext.array
            #expect(try MemorySearch.copies(of: plaintext, memory: memory) > 0, "the search finds what is there")
            #expect(copy.count == 300)
        }
    }

    @Test func aRequestIsNowhereButInLockedMemory() async throws {
        await #expect(processExitsWith: .success) {
            let memory = try Trust.shared.memory
            let plaintext = SharedSecret(try .random(byteCount: 300, in: memory))
            let server = try TestServer { connection in
                // What comes stays in the socket: read, it would be copied.
                guard connection.shakeHands() else { return }
                connection.answer("taken")
                connection.waitForGoodbye()
            }
            try await withPool(.patient()) { pool async throws in
                let body = try plaintext.value.withBytes { bytes in try Secret(copying: bytes, in: memory) }
                let answer = try await pool.perform(
                    Transfer(
                        .post, server.endpoint, "/", body: SharedSecret(body), answerByteCountMax: 100,
                        deadline: .now + .seconds(60), isRepeatable: true))
                #expect(answer.text == "taken")
                #expect(try MemorySearch.copies(of: plaintext, memory: memory) == 0)
            }
        }
    }

    @Test func poolsAndEnginesThatHaveEndedLeaveNothing() async throws {
        await #expect(processExitsWith: .success) {
            let memory = try Trust.shared.memory
            let server = try TestServer(protocols: ["h2", "http/1.1"])
            func round() async throws {
                for version in [TransferEngine.HTTPVersion.http11, .http2] {
                    let engine = try TransferEngine(options: .patient(version), memory: memory)
                    for _ in 0..<3 {
                        let pool = engine.makePool(tls: try Trust.shared.client)
                        _ = try await answers(of: 20, from: server, over: pool)
                        pool.retire()
                        await server.waitForClose()
                    }
                    _ = try await answers(of: 20, from: server, over: engine.makePool(tls: try Trust.shared.client))
                    await engine.stop()
                    await server.waitForClose()
                }
            }
            try await round()  // Leaves what libraries keep for the process.
            let (descriptors, blocks) = (try openDescriptors(), memory.heap(.own).blocksInUse)
            for _ in 0..<5 { try await round() }
            #expect(try openDescriptors() == descriptors)
            // The server's last thread may still hold a few; 40 pools and 800 connections have been and gone.
            #expect(memory.heap(.own).blocksInUse < blocks + 100)
        }
    }
}

extension Secret {
    /// Without an array that would leave a copy behind.
    fileprivate static func random(byteCount: Int, in memory: SecretMemory) throws -> Secret {
        var secret = try Secret(byteCount: byteCount, in: memory)
        secret.fill { output in for _ in 0..<byteCount { output.append(UInt8.random(in: .min ... .max)) } }
        return secret
    }
}

private func openDescriptors() throws -> Int {
    guard let folder = opendir("/proc/self/fd") else { throw TestFailure.system(call: "opendir", code: errno) }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
}
