// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import Cryptography
import CurlTransport
import FakeKES
import KeyService
import LockedMemory
import TestSupport
import Testing

@testable import Cluster
@testable import KESBackend

/// Each allocation that libcurl, OpenSSL and nghttp2 make for a transfer over mutual TLS is refused in turn. The
/// failure is the agent's own: no key server is blamed for it.
///
/// The libraries are told once in a process where to allocate, so each test is a process of its own. Only the engine's
/// thread is refused anything.
@Suite(.timeLimit(.minutes(10))) struct MemoryFaultTests {
    @Test func aLackOfMemoryEndsOneTransferOfHTTP1() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            try await TransferRounds.run(.http11)
        }
        if let result { print(String(decoding: result.standardErrorContent, as: UTF8.self)) }
    }

    @Test func aLackOfMemoryEndsOneTransferOfHTTP2() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            try await TransferRounds.run(.http2)
        }
        if let result { print(String(decoding: result.standardErrorContent, as: UTF8.self)) }
    }
}

/// Transfers of one engine to one server.
private struct TransferRounds {
    let engine: TransferEngine
    let server: FakeKES
    let tls: ClientTLS
    let memory: SecretMemory

    static func run(_ version: TransferEngine.HTTPVersion) async throws {
        let faults = AllocationFaults(of: [.share(.own)], onThreadsNamed: "transfers")
        SharedMemory.refuse(by: faults)
        let memory = try SharedMemory.secrets
        let server = try await FakeKES.start()
        let options = TransferEngine.Options(httpVersion: version, connectTimeout: .seconds(60))
        let rounds = TransferRounds(
            engine: try TransferEngine(options: options, memory: memory), server: server,
            tls: try Self.clientTLS(of: server, memory), memory: memory)
        try await rounds.run(version, faults)
        await rounds.engine.stop()
        await server.stop()
    }

    private static func clientTLS(of server: FakeKES, _ memory: SecretMemory) throws -> ClientTLS {
        func secret(_ text: String) throws -> Secret { try Secret(Array(text.utf8), in: memory) }
        let credentials = server.credentials
        let trust = try TrustStore(includingSystem: false)
        let authorities = AuthorityList(pem: try secret(credentials.authority.certificate), memory: memory)
        for certificate in authorities.certificates { try trust.add(certificate) }
        let chain = try CertificateChain(pem: secret(credentials.client.certificate), memory: memory)
        let key = try PrivateKey(pem: secret(credentials.client.key), password: nil, memory: memory)
        return ClientTLS(identity: try CertifiedKey(chain: chain, key: key), trust: trust)
    }

    private func run(_ version: TransferEngine.HTTPVersion, _ faults: AllocationFaults) async throws {
        let other = self.engine.makePool(tls: self.tls)
        #expect(await self.failure(over: other) == nil)
        for _ in 0..<2 { await self.round { pool in #expect(await self.failure(over: pool) == nil) } }
        faults.begin(refusing: 0..<0)
        await self.round { pool in #expect(await self.failure(over: pool) == nil) }
        let count = faults.end().count
        #expect(count > 100)
        let ranges = AllocationRounds.ranges(upTo: count)
        var failedCount = 0
        for refused in ranges {
            await self.round { pool in
                faults.begin(refusing: refused)
                let failure = await self.failure(over: pool)
                faults.end()
                if let failure {
                    failedCount += 1
                    if failure.kind != .noMemory { self.fail("\(failure)", refused) }
                }
                if let next = await self.failure(over: pool) { self.fail("the next transfer: \(next)", refused) }
            }
            if let failure = await self.failure(over: other) { self.fail("another pool: \(failure)", refused) }
            #expect(other.connectionsOpened == 1)
        }
        AllocationRounds.report(
            "\(version): \(count) allocations, \(failedCount) of \(ranges.count) transfers failed")
        #expect(failedCount > ranges.count / 4)
        for number in stride(from: 1, through: count, by: 31) { try await self.serve(number, faults) }
    }

    private func fail(_ text: String, _ refused: Range<Int>) {
        AllocationRounds.report("allocations \(refused) refused: \(text)")
        Issue.record("allocations \(refused) refused: \(text)")
    }

    /// Runs `body` with a new pool, and waits until all of its connections are closed.
    private func round(_ body: (ConnectionPool) async -> Void) async {
        let pool = self.engine.makePool(tls: self.tls)
        await body(pool)
        #expect(pool.transfersInFlight == 0)
        pool.retire()
        while pool.openConnections > 0 { await Task.yield() }
    }

    /// Asks for a data key; a service repeats what failed for a lack of the agent's own.
    private func serve(_ number: Int, _ faults: AllocationFaults) async throws {
        let notices = ClusterTestSupport.Journal<ClusterNotice>()
        let name = try #require(KeyName(FakeKES.knownKeyName))
        await self.round { pool in
            let service = KESService(
                endpoints: [self.server.endpoint], keyName: name, transport: pool, memory: self.memory,
                report: { notices.note($0) })
            faults.begin(refusing: number..<number + 1)
            do {
                let key = try await service.generateKey(name, associatedData: AssociatedData([]))
                #expect(key.plaintext.byteCount == 32)
            } catch {
                Issue.record("allocation \(number): \(error)")
            }
            faults.end()
            let areAllOnline = service.cluster.knownStatus.endpoints.allSatisfy(\.isOnline)
            #expect(areAllOnline)
            #expect(notices.entries.isEmpty)
        }
    }

    /// Why a request for a data key failed.
    private func failure(over pool: ConnectionPool) async -> TransferFailure? {
        do throws(TransferFailure) {
            let answer = try await pool.perform(self.transfer())
            #expect(answer.status == 200)
            return nil
        } catch {
            return error
        }
    }

    private func transfer() throws(TransferFailure) -> Transfer {
        guard let body = try? Secret(Array("{}".utf8), in: self.memory) else {
            throw TransferFailure(.noMemory, reason: "a test has no memory", requestWasSent: false)
        }
        return Transfer(
            .post, self.server.endpoint, "/v1/key/generate/\(FakeKES.knownKeyName)", body: SharedSecret(body),
            answerByteCountMax: 4096, deadline: .now + .seconds(3600), isRepeatable: true)
    }
}
