// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import CurlTransport
import KeyService
import Primitives
import Testing

@testable import Cluster
@testable import KESBackend

/// New credentials while requests are under way.
@Suite(.timeLimit(.minutes(5))) struct CredentialChangeTests {
    @Test("what is under way ends on the old way, what follows takes the new one")
    func change() async throws {
        let gate = OneShot<Bool>()
        let bench = try KESServiceFixture { _ in .held(gate, .plaintext) }
        let successor = ScriptedTransport(clock: bench.clock) { _ in .plaintext }
        async let old = bench.outcome()
        await bench.transport.asks.wait(for: 1)
        bench.service.cluster.use(successor)
        #expect(bench.transport.retirements.entries.count == 1)
        #expect(await bench.outcome() == .success(Array("key".utf8)))
        #expect(successor.requests.count == 1)
        gate.resolve(true)
        let outcome = await old
        #expect(outcome == .success(Array("key".utf8)))
        #expect(bench.transport.asks.entries.count == 1)
        #expect(successor.retirements.entries.isEmpty)
    }

    @Test("a request that comes to the old way as it closes takes the new one, even if it must not be repeated")
    func race() async throws {
        let gate = OneShot<Bool>()
        let bench = try KESServiceFixture { _ in .held(gate, .failure(.retired, wasSent: false)) }
        let successor = ScriptedTransport(clock: bench.clock) { _ in .ok }
        async let creation: Void = bench.service.createKey(bench.name)
        await bench.transport.asks.wait(for: 1)
        bench.service.cluster.use(successor)
        gate.resolve(true)
        try await creation
        #expect(successor.requests.map(\.path) == ["/v1/key/create/my-key"])
        #expect(bench.areAllOnline)
    }

    @Test("an endpoint that refused the old credentials is tried with the new ones at once")
    func recovery() async throws {
        let bench = try KESServiceFixture { _ in .failure(.tls, wasSent: true) }
        try await bench.tended { bench in
            await bench.passTime(by: .seconds(3))
            #expect(!bench.areAllOnline)
            bench.service.cluster.use(ScriptedTransport(clock: bench.clock) { $0.isProbe ? .status : .plaintext })
            await bench.notices.wait(for: 2)
            #expect(bench.clock.now - bench.clock.start == .seconds(3))
            #expect(await bench.outcome() == .success(Array("key".utf8)))
        }
    }
}
