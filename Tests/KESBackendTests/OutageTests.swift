// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import KeyService
import Testing

@testable import Cluster
@testable import KESBackend

/// Nobody can be reached, for a moment or for long.
@Suite(.timeLimit(.minutes(5))) struct OutageTests {
    private static let answer = Array("key".utf8)

    @Test("a server that is away for a moment is a pause, not a failure")
    func shortOutage() async throws {
        let bench = try KESServiceFixture { $0.isProbe ? .status : .refused }
        try await bench.tended { bench in
            async let outcomes = bench.outcomes(100)
            await bench.waitForStranded(100)
            #expect(!bench.areAllOnline)
            bench.transport.answer { $0.isProbe ? .status : .plaintext }
            await bench.passTime(by: .milliseconds(50))
            let all = await outcomes
            #expect(all == Array(repeating: .success(Self.answer), count: 100))
            #expect(bench.clock.now - bench.clock.start <= .milliseconds(100))
        }
    }

    @Test("who finds nobody is told so within the connect timeout", arguments: [["a"], ["a", "b", "c"]])
    func longOutage(endpoints: [String]) async throws {
        let bench = try KESServiceFixture(endpoints) { _ in .refused }
        try await bench.tended { bench in
            await bench.notices.wait(for: endpoints.count)
            async let outcomes = bench.outcomes(10)
            await bench.waitForStranded(10)
            await bench.passTime(by: .seconds(2))
            let all = await outcomes
            #expect(all == Array(repeating: .failure(.unavailable), count: 10))
        }
    }

    @Test("once an outage has lasted, nobody waits in vain")
    func establishedOutage() async throws {
        let bench = try KESServiceFixture { _ in .refused }
        try await bench.tended { bench in
            await bench.notices.wait(for: 1)
            await bench.passTime(by: .seconds(2))
            let requests = bench.transport.requests.count
            for _ in 0..<10 { #expect(await bench.outcome() == .failure(.unavailable)) }
            #expect(bench.transport.requests.count == requests)
        }
    }

    @Test("service is back within a second after a server is, however long it was away", arguments: [3, 60, 3600])
    func recovery(seconds: Int) async throws {
        let bench = try KESServiceFixture(["a", "b"]) { _ in .refused }
        try await bench.tended { bench in
            await bench.notices.wait(for: 2)
            // Away for as long, as far as the pool can tell, without a probe for each pause of it.
            await bench.passTime(by: .seconds(3))
            bench.clock.advance(by: .seconds(seconds))
            bench.transport.answer { $0.isProbe ? .status : .plaintext }
            await bench.passTime(by: .seconds(1))
            #expect(await bench.outcome() == .success(Self.answer))
            #expect(bench.areAllOnline)
        }
    }

    @Test("an operator hears of an outage once, and of its end")
    func notices() async throws {
        let bench = try KESServiceFixture { _ in .refused }
        try await bench.tended { bench in
            await bench.passTime(by: .seconds(5))
            bench.transport.answer { _ in .status }
            await bench.passTime(by: .seconds(1))
            let notices = bench.notices.entries
            #expect(notices.count == 2)
            guard case .endpointDown("a", _, isRepeated: false)? = notices.first,
                case .endpointUp("a", let after, isRepeated: false)? = notices.last
            else {
                Issue.record("\(notices)")
                return
            }
            #expect(after > .seconds(5))
        }
    }

    @Test("without anybody who tends the endpoints, nobody waits for them")
    func untended() async throws {
        let bench = try KESServiceFixture { _ in .refused }
        #expect(await bench.outcome() == .failure(.unavailable))
    }

    @Test("when the tending ends, so does all waiting")
    func end() async throws {
        let bench = try KESServiceFixture { _ in .refused }
        async let outcomes: [Result<[UInt8], KeyServiceError>] = {
            await bench.waitForTending()
            return await bench.outcomes(10)
        }()
        try await bench.tended { bench in await bench.waitForStranded(10) }
        let all = await outcomes
        #expect(all == Array(repeating: .failure(.unavailable), count: 10))
    }

    @Test("whoever gives up waiting leaves nothing behind")
    func cancellation() async throws {
        let bench = try KESServiceFixture { _ in .refused }
        try await bench.tended { bench in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = await bench.outcome() }
                await bench.waitForStranded(1)
                group.cancelAll()
            }
            #expect(bench.service.cluster.load == (0, 0))
        }
    }

    @Test("a server that hangs is left, and found again when it answers")
    func hanging() async throws {
        let bench = try KESServiceFixture { _ in .silence }
        try await bench.tended { bench in
            await bench.passTime(by: .seconds(4))
            #expect(!bench.areAllOnline)
            bench.transport.answer { $0.isProbe ? .status : .plaintext }
            await bench.passTime(by: .seconds(1))
            #expect(await bench.outcome() == .success(Self.answer))
        }
    }
}
