// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import ClusterTestSupport
import CurlTransport
import KESProtocol
import KeyService
import LockedMemory
import TestSupport
import Testing

@testable import Cluster
@testable import KESBackend

/// What requests reserve is enough: each runs in a process that has just so much locked memory.
@Suite(.timeLimit(.minutes(5))) struct RequestMemoryTests {
    private static let plaintextByteCounts = [0, 1, 57, 700, 3000, 3100, 9000, 64_000, 300_000, 749_970]

    @Test("an encrypt runs in what it reserves", arguments: Self.plaintextByteCounts)
    func encrypt(byteCount: Int) async throws {
        let body = Self.request("plaintext", byteCount)
        let bench = try Bench(.encrypt, bodyByteCount: body.count)
        // KES before 2023 wraps the ciphertext in JSON with base64.
        let answer = Self.request("ciphertext", Base64.encodedByteCount(byteCount + 28) + 200)
        bench.transport.answer = answer
        guard answer.count <= 1 << 20 else { return }
        let request = try KESRequest.Encrypt(decoding: body.span, memory: bench.memory)
        let associatedData = request.associatedData
        let ciphertext = try await bench.service.encrypt(
            bench.name, plaintext: request.takePlaintext(), associatedData: associatedData)
        #expect(ciphertext.bytes.count == Base64.encodedByteCount(byteCount + 28) + 200)
        #expect(bench.memory.heap(.requests).blocksInUse == 0)
    }

    @Test("the longest encrypt runs in what it reserves")
    func longestEncrypt() async throws {
        let body = Self.request("plaintext", 749_970)
        let bench = try Bench(.encrypt, bodyByteCount: body.count)
        bench.transport.answer = Self.request("ciphertext", 749_970 + 60)
        let plaintext = try KESRequest.Encrypt(decoding: body.span, memory: bench.memory).takePlaintext()
        let ciphertext = try await bench.service.encrypt(
            bench.name, plaintext: plaintext, associatedData: AssociatedData())
        #expect(ciphertext.bytes.count == 749_970 + 60)
    }

    @Test("an encrypt whose text has escapes runs in what it reserves")
    func escapes() async throws {
        let text = String(repeating: "AAA\\/", count: 40_000)
        let body = Array("{\"plaintext\":\"\(text)\"}".utf8)
        let bench = try Bench(.encrypt, bodyByteCount: body.count)
        bench.transport.answer = Self.request("ciphertext", 120_060)
        let plaintext = try KESRequest.Encrypt(decoding: body.span, memory: bench.memory).takePlaintext()
        #expect(plaintext.byteCount == 120_000)
        _ = try await bench.service.encrypt(bench.name, plaintext: plaintext, associatedData: AssociatedData())
    }

    @Test("a decrypt runs in what it reserves", arguments: Self.plaintextByteCounts.dropLast() + [749_900])
    func decrypt(byteCount: Int) async throws {
        let ciphertext = Ciphertext([UInt8](repeating: 5, count: byteCount + 60))
        let body = Self.request("ciphertext", ciphertext.bytes.count)
        let bench = try Bench(.decrypt, bodyByteCount: body.count)
        bench.transport.answer = Self.request("plaintext", byteCount)
        let decryption = try await bench.service.decrypt(
            bench.name, ciphertext: ciphertext, associatedData: AssociatedData())
        #expect(decryption.plaintext.byteCount == byteCount)
    }

    @Test("the longest request that KES accepts fits into the share of a process that may lock 8 MiB")
    func smallestShare() throws {
        let plan = try MemoryPlan(
            total: 8 << 20, needs: MemoryPlan.Needs(cacheEntries: 65_536, loopCount: 4, servesTLS: true))
        let budget = RequestBudget(byteCount: plan[.requests], inFlightMax: 512)
        #expect(budget.longRequestByteCount >= RequestBudget.longestRequestByteCount, "\(plan[.requests]) \(budget)")
        #expect(budget.inFlightMax >= 8, "\(budget)")
    }

    @Test("with more memory there are as many requests in flight as the operator allows")
    func largeShare() {
        let budget = RequestBudget(byteCount: 32 << 20, inFlightMax: 512)
        #expect(budget.inFlightMax == 512)
        #expect(budget.longRequestByteCount + 2 * budget.smallRequestByteCount <= 32 << 20)
    }

    /// `{"NAME":"…"}` with so many bytes in base64.
    private static func request(_ name: String, _ byteCount: Int) -> [UInt8] {
        Array("{\"\(name)\":\"\(Base64.encode([UInt8](repeating: 7, count: byteCount)))\"}".utf8)
    }
}

/// A service whose memory for requests is what one request reserves.
private struct Bench {
    let memory: SecretMemory
    let transport: OneAnswer
    let service: KESService
    let name: KeyName

    init(_ operation: Operation, bodyByteCount: Int) throws {
        let reserved = max(operation.lockedByteCountMax(forBodyOf: bodyByteCount), 16 << 10)
        self.memory = try SecretMemory(
            MemoryPlan(slotCount: 64, own: 64 << 10, requests: reserved), allowUnlocked: true)
        self.transport = OneAnswer(memory: self.memory)
        self.name = try #require(KeyName("my-key"))
        var options = ClusterOptions()
        options.timeout = .seconds(1)
        self.service = KESService(
            endpoints: ["a"], keyName: self.name, options: options, transport: self.transport, memory: self.memory,
            report: { _ in })
    }
}

/// Receives an answer as libcurl does: in pieces, while the body of the request is there.
private final class OneAnswer: ClusterTransport {
    private let memory: SecretMemory
    nonisolated(unsafe) var answer: [UInt8] = []

    init(memory: SecretMemory) { self.memory = memory }

    func perform(_ transfer: consuming Transfer) async throws(TransferFailure) -> TransferAnswer {
        guard transfer.answerIsSecret else {
            var body = TransitBuffer(in: self.memory)
            let answer = self.answer
            body.append(answer.span)
            extendLifetime(transfer)
            return TransferAnswer(status: 200, httpVersion: .http1, body: .transit(body))
        }
        var builder = SecretBuilder(
            byteCountMax: transfer.answerByteCountMax, firstByteCount: transfer.answerByteCountExpected,
            in: self.memory)
        do {
            for start in stride(from: 0, to: self.answer.count, by: 16_384) {
                let piece = Array(self.answer[start..<min(start + 16_384, self.answer.count)])
                guard try builder.append(piece.span) else {
                    throw TransferFailure(.answerTooLarge, reason: "", requestWasSent: true)
                }
            }
            let body = try builder.finish()
            extendLifetime(transfer)
            return TransferAnswer(status: 200, httpVersion: .http1, body: body)
        } catch let failure as TransferFailure {
            throw failure
        } catch {
            throw TransferFailure(.noMemory, reason: "\(error)", requestWasSent: true)
        }
    }

    func retire() {}
}
