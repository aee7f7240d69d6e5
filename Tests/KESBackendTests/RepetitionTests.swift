// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import CurlTransport
import KESProtocol
import KeyService
import LockedMemory
import TestSupport
import Testing

@testable import Cluster
@testable import KESBackend

/// Who is asked after whom has failed.
@Suite struct RepetitionTests {
    private static let faults: [ScriptedTransport.Reaction] = [
        .refused, .broken, .failure(.nameNotResolved, wasSent: false), .failure(.tls, wasSent: true),
        .failure(.notTrusted(certificate: "c", reason: "r"), wasSent: false),
        .failure(.timedOut(whileConnecting: true), wasSent: false), .message(500, "x"), .message(502, "x"),
        .message(503, "x"), .message(504, "x"),
    ]

    @Test("a server that fails is put aside, and another answers", arguments: RepetitionTests.faults.indices)
    func repetition(index: Int) async throws {
        let fault = Self.faults[index]
        let bench = try KESServiceFixture(["a", "b"]) { $0.endpoint == "a" ? fault : .plaintext }
        for _ in 0..<20 { #expect(try await bench.decrypt() == Array("key".utf8)) }
        #expect(bench.transport.asks.entries.filter { $0.endpoint == "a" }.count == 1)
        #expect(bench.service.cluster.knownStatus.endpoints.map(\.isOnline) == [false, true])
        #expect(bench.notices.entries.count == 1)
    }

    @Test("429 is no fault of a server, yet another may have room")
    func tooManyRequests() async throws {
        let bench = try KESServiceFixture(["a", "b"]) { $0.endpoint == "a" ? .message(429, "x") : .plaintext }
        for _ in 0..<20 { #expect(try await bench.decrypt() == Array("key".utf8)) }
        #expect(bench.areAllOnline)
        bench.transport.answer { _ in .message(429, "x") }
        await #expect(throws: KeyServiceError.overloaded) { try await bench.decrypt() }
    }

    enum Change: CaseIterable {
        case create, importing, delete
    }

    private static func perform(_ change: Change, on bench: KESServiceFixture) async throws {
        switch change {
        case .create: try await bench.service.createKey(bench.name)
        case .importing:
            let key = try Secret([UInt8](repeating: 1, count: 32), in: SharedMemory.secrets)
            try await bench.service.importKey(bench.name, key: key, algorithm: .aes256)
        case .delete: try await bench.service.deleteKey(bench.name)
        }
    }

    @Test("what changes keys goes to another server if nothing was sent", arguments: Change.allCases)
    func unsentChanges(change: Change) async throws {
        let bench = try KESServiceFixture(["a", "b"]) { $0.endpoint == "a" ? .refused : .ok }
        for _ in 0..<20 { try await Self.perform(change, on: bench) }
    }

    @Test(
        "what changes keys is sent once", arguments: Change.allCases,
        [(ScriptedTransport.Reaction.broken, KeyServiceError.unavailable), (.message(502, "x"), .unavailable)])
    func sentChanges(change: Change, fault: (reaction: ScriptedTransport.Reaction, error: KeyServiceError)) async throws
    {
        let bench = try KESServiceFixture(["a", "b"]) { _ in fault.reaction }
        await #expect(throws: fault.error) { try await Self.perform(change, on: bench) }
        #expect(bench.transport.asks.entries.count == 1)
    }

    @Test("each server is asked once, and the last word counts")
    func everybodyFails() async throws {
        let bench = try KESServiceFixture(["a", "b", "c"]) { _ in .message(503, "x") }
        await #expect(throws: KeyServiceError.overloaded) { try await bench.decrypt() }
        #expect(Set(bench.transport.asks.entries.map(\.endpoint)) == ["a", "b", "c"])
        #expect(bench.transport.asks.entries.count == 3)
    }

    @Test("a server that answers failures is still asked where there is no other: it may have this key")
    func ailingServer() async throws {
        let bench = try KESServiceFixture { _ in .message(502, "failed to read key") }
        for count in 1...5 {
            await #expect(throws: KeyServiceError.unavailable) { try await bench.decrypt() }
            #expect(bench.transport.asks.entries.count == count)
        }
        bench.transport.answer { _ in .plaintext }
        #expect(try await bench.decrypt() == Array("key".utf8))
    }

    @Test("attempts are bounded, however many servers there are")
    func bound() async throws {
        let bench = try KESServiceFixture((0..<50).map { "s\($0)" }) { _ in .broken }
        await #expect(throws: KeyServiceError.unavailable) { try await bench.decrypt() }
        #expect(bench.transport.asks.entries.count == RetryState.attemptCountMax)
    }

    // MARK: Time

    @Test("a server that says nothing is left in time for another")
    func silence() async throws {
        let bench = try KESServiceFixture(["a", "b"]) { $0.endpoint == "a" ? .silence : .plaintext }
        async let answers = withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<20 { group.addTask { try await bench.decrypt() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        await bench.transport.asks.wait { $0.contains { $0.endpoint == "a" } }
        await bench.clock.waitForSleeper(through: .seconds(5))
        bench.clock.advance(by: .seconds(5))
        let all = try await answers
        #expect(all == Array(repeating: Array("key".utf8), count: 20))
        #expect(bench.service.cluster.knownStatus.endpoints.map(\.isOnline) == [false, true])
    }

    @Test("where there is no other, a server has all the time there is")
    func silenceOfTheOnlyOne() async throws {
        let bench = try KESServiceFixture { _ in .silence }
        async let outcome = bench.outcome()
        await bench.clock.waitForSleeper(from: .seconds(10), through: .seconds(10))
        bench.clock.advance(by: .seconds(10))
        let result = await outcome
        #expect(result == .failure(.timedOut))
        #expect(!bench.areAllOnline)
    }

    @Test("servers that swallow everything do not take each a connect timeout of its own")
    func void() async throws {
        let bench = try KESServiceFixture(["a", "b", "c"]) { _ in .void }
        async let outcome = bench.outcome()
        for _ in 0..<3 {
            while bench.clock.serverCount < 1 { await Task.yield() }
            bench.clock.advance(by: bench.transport.asks.entries.last?.connectTimeout ?? .zero)
        }
        let result = await outcome
        #expect(result == .failure(.unavailable))
        #expect(
            bench.transport.asks.entries.map(\.connectTimeout) == [.seconds(1), .milliseconds(500), .milliseconds(500)])
        #expect(bench.clock.now - bench.clock.start == .seconds(2))
    }

    @Test("a server is not blamed for an answer that nobody had the time to wait for")
    func noTimeLeft() async throws {
        let bench = try KESServiceFixture(["a"], { $0.timeout = .seconds(1) }) { _ in .silence }
        async let outcome = bench.outcome()
        await bench.clock.waitForSleeper(through: .seconds(1))
        bench.clock.advance(by: .seconds(1))
        let result = await outcome
        #expect(result == .failure(.timedOut))
        #expect(bench.areAllOnline)
    }
}
