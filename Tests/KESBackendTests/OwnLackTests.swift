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

/// What this process, or this machine, lacks: it says nothing of a key server, and is over in a moment.
@Suite(.timeLimit(.minutes(5))) struct OwnLackTests {
    private static let kinds = [TransferFailure.Kind.noMemory, .noResources]

    @Test("a request is repeated at the same server as soon as this process may have what it lacked", arguments: kinds)
    func repetition(kind: TransferFailure.Kind) async throws {
        let bench = try KESServiceFixture { _ in .failure(kind, wasSent: true) }
        async let outcome = bench.outcome()
        for count in 1...20 {
            await bench.transport.asks.wait(for: count)
            if count == 20 { bench.transport.answer { _ in .plaintext } }
            await bench.clock.waitForSleeper(through: .seconds(10))
            bench.clock.advance(by: .milliseconds(100))
        }
        #expect(await outcome == .success(Array("key".utf8)))
        #expect(bench.areAllOnline)
        #expect(bench.notices.entries.isEmpty)
    }

    @Test(
        "a lack that lasts as long as the request may is said to be one, and no server is marked down",
        arguments: [
            (TransferFailure.Kind.noMemory, KeyServiceError.outOfMemory), (.noResources, .overloaded),
        ] as [(TransferFailure.Kind, KeyServiceError)])
    func lastingLack(kind: TransferFailure.Kind, error: KeyServiceError) async throws {
        let bench = try KESServiceFixture(["a", "b"]) { _ in .failure(kind, wasSent: false) }
        async let outcome = bench.outcome()
        await bench.transport.asks.wait(for: 1)
        await bench.clock.waitForSleeper(through: .seconds(10))
        bench.clock.advance(by: .seconds(10))
        #expect(await outcome == .failure(error))
        #expect(bench.areAllOnline)
        #expect(bench.notices.entries.isEmpty)
    }

    @Test("a probe that fails for a lack of this process's own marks no server down", arguments: kinds)
    func probe(kind: TransferFailure.Kind) async throws {
        let bench = try KESServiceFixture(["a", "b"]) { _ in .failure(kind, wasSent: false) }
        _ = await bench.service.status()
        #expect(bench.areAllOnline)
        #expect(bench.notices.entries.isEmpty)
    }

    @Test("what must not be asked twice is not, if it may have been sent", arguments: kinds)
    func change(kind: TransferFailure.Kind) async throws {
        let bench = try KESServiceFixture { _ in .failure(kind, wasSent: true) }
        await #expect(throws: KeyServiceError.self) { try await bench.service.createKey(bench.name) }
        #expect(bench.transport.asks.entries.count == 1)
        #expect(bench.areAllOnline)
    }

    @Test("a caller that gives up ends the repetition")
    func cancellation() async throws {
        let bench = try KESServiceFixture { _ in .failure(.noMemory, wasSent: false) }
        let request = Task { await bench.outcome() }
        await bench.transport.asks.wait(for: 1)
        await bench.clock.waitForSleeper(through: .seconds(10))
        request.cancel()
        #expect(await request.value == .failure(.outOfMemory))
        #expect(bench.service.cluster.load == (0, 0))
    }
}
