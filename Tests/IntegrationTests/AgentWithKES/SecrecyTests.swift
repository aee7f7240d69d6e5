// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// Whatever passes through an agent, and whatever it proves itself with, nothing of it stays in memory that somebody
    /// could read, swap out or dump.
    @Suite struct SecrecyTests {
        /// Often enough that every path is taken many times, seldom enough that the servers serve.
        private static let faults = [
            FaultRule(.goAway, on: .onKeys, every: 37), FaultRule(.reset(.before), on: .onKeys, every: 101),
            FaultRule(.reset(.inside), on: .onKeys, every: 103), FaultRule(.truncated, on: .onKeys, every: 107),
            FaultRule(.garbage, on: .onKeys, every: 109), FaultRule(.refused, on: .onKeys, every: 113),
            FaultRule(.status(503, message: "busy"), on: .onKeys, every: 127),
            FaultRule(.missing(member: "ciphertext"), on: [.generateKey], every: 131),
            FaultRule(.larger(byByteCount: 2 << 20), on: [.decrypt], every: 1009),
            FaultRule(.larger(byByteCount: 100_000), on: [.decrypt], every: 311),
            FaultRule(.drip(every: .microseconds(10)), on: .onKeys, every: 137),
            FaultRule(.delay(.milliseconds(20)), on: .onKeys, every: 139),
        ]

        @Test(
            arguments: [
                (ConnectionFaults.HTTPVersion.http11, Credentials.Proof.certificate, false), (.http2, .apiKey, false),
                (.http2, .certificate, true),
            ]
        )
        func nothingIsLeftOfThousandsOfKeysOn8Connections(
            version: ConnectionFaults.HTTPVersion, proof: Credentials.Proof, lacksMemfdSecret: Bool
        ) async throws {
            try await withKESAgent(servers: 3) {
                $0.environment = $1.environment(proof)
                $0.lacksMemfdSecret = lacksMemfdSecret
                $0.speak(version)
                // Once without a cache: then every decrypt brings an answer of the servers.
                if version == .http11 { $0.turnOffCache() }
            } body: { agent, cluster in
                for server in cluster.servers { server.faults.set(Self.faults) }
                let callCount = lacksMemfdSecret ? 2000 : 10_000
                let workload = try Workload(key: "my-key", backend: .keyServers, connectionCount: 8) {
                    try agent.connect()
                }
                for round in 1...10 {
                    try workload.run(callCount: callCount * round / 10)
                    try workload.reconnect()
                }
                #expect(workload.failed <= callCount / 50, "most faults are made up for by another server")
                let scanner = try MemoryScanner(for: workload.secrets + cluster.clientSecrets)

                for server in cluster.servers { server.faults.clear() }
                try workload.settle()
                try expectNothing(in: agent, scanner, "while connections are open")

                let observer = try agent.connect()
                workload.close()
                try agent.wait(forConnections: 1, askingOn: observer)
                for server in cluster.servers { server.resetConnections() }
                try expectNothing(in: agent, scanner, "after they have closed")
            }
        }

        /// With key servers behind it, encrypt and import get further than with a static key.
        @Test(arguments: Way.tls)
        func nothingIsLeftOfWhatCameByTLS(way: Way) async throws {
            let files = try TLSFiles()
            try await withKESAgent { setup, _ in
                setup.arguments = files.arguments()
            } body: { agent, cluster in
                let listener = try TLSAgent(agent, trusting: files.authority.certificate)
                let workload = try Workload(key: "my-key", backend: .keyServers, connectionCount: 8) {
                    try listener.connect(by: way, as: files.client)
                }
                try workload.run(callCount: 800)
                #expect(workload.encrypted > 80)
                #expect(cluster.server.requestCount(.importKey) > 10)
                let scanner = try MemoryScanner(for: workload.secrets)
                try workload.settle()
                try expectNothing(in: agent, scanner, "while connections are open")
                workload.close()
                try listener.wait(forConnections: 0)
                try expectNothing(in: agent, scanner, "after they have closed")
            }
        }

        /// What the cache keeps lies where secrets belong, and what it has dropped lies nowhere.
        @Test(arguments: [false, true])
        func nothingIsLeftOfWhatTheCacheKept(lacksMemfdSecret: Bool) async throws {
            try await withKESAgent { setup, _ in
                setup.environment["KEYSIDE_CACHE_MAX_ENTRIES"] = "1000"
                setup.expire(unused: "0")
                setup.lacksMemfdSecret = lacksMemfdSecret
            } body: { agent, _ in
                let workload = try Workload(key: "my-key", backend: .keyServers, connectionCount: 8) {
                    try agent.connect()
                }
                try workload.run(callCount: 6000)
                let long = try (0..<20).map { try agent.seal(.random(33 + $0)) }
                for _ in 0..<2 { for key in long { #expect(try agent.ask(key.decrypt).status == 200) } }
                #expect(try #require(agent.cache["evictions"]["capacity"].integer) > 500)
                #expect(try #require(agent.cache["entries"].integer) > 900)
                try workload.settle()
                let scanner = try MemoryScanner(
                    for: workload.secrets + long.map { KnownSecret("long plaintext", $0.plaintext) })
                try expectNothing(in: agent, scanner, "with entries in the cache")
                let kept = try scanner.scan(agent.process.processID, includingLockedMemory: true)
                #expect(kept.copies.isEmpty == !lacksMemfdSecret, "only what memfd_secret(2) gives cannot be read")

                #expect(try #require(try agent.purgeCache()) > 900)
                let purged = try scanner.scan(agent.process.processID, includingLockedMemory: true)
                #expect(purged.copies.isEmpty, "after the purge")
                workload.close()
            }
        }

        /// Each form of a private key is read in its own way, at the start and when it is replaced.
        @Test(arguments: TestKeyKind.allCases, [nil, "a password that is random \([UInt8].random(24).base64)"])
        func nothingIsLeftOfTheClientsPrivateKeys(kind: TestKeyKind, password: String?) async throws {
            try await withKESAgent { setup, cluster in
                let pair = try cluster.credentials.authority.issueClient(kind: kind)
                cluster.server.access[pair.identity] = .everything
                setup.environment = cluster.environment(.certificate)
                setup.environment["MINIO_KMS_KES_KEY_PASSWORD"] = password
                try cluster.lay(pair, encryptedWith: password)
            } body: { agent, cluster in
                try expectService(by: agent)
                let first = try text(of: cluster.folder("plain.key"))
                let next = try cluster.credentials.authority.issueClient(kind: kind)
                cluster.server.access[next.identity] = .everything
                try cluster.lay(next, encryptedWith: password)
                try agent.wait(for: "the next pair") { try agent.metrics.reloads("upstream", "replaced") == 1 }
                try expectService(by: agent)
                try await cluster.server.wait(for: "the next pair") { snapshot in
                    snapshot.openConnections.allSatisfy { $0.identity == next.identity }
                }
                var secrets = try KnownSecret.privateKey("the first key", first)
                secrets += try KnownSecret.privateKey("the next key", next.key)
                if let password { secrets.append(KnownSecret("the password", Array(password.utf8.suffix(32)))) }
                try expectNothing(in: agent, try MemoryScanner(for: secrets), "\(kind)")
            }
        }

        @Test func nothingIsLeftOfAnAPIKey() async throws {
            try await withKESAgent { agent, cluster in
                try expectService(by: agent)
                try expectNothing(in: agent, try MemoryScanner(for: cluster.clientSecrets), "after the start")
                let block = try text(of: "/proc/\(agent.process.processID)/environ")
                #expect(!block.contains(cluster.credentials.apiKey.text.suffix(40)))
            }
        }
    }
}

extension KESCluster {
    /// What its clients prove themselves with.
    fileprivate var clientSecrets: [KnownSecret] {
        get throws {
            let apiKey = try #require([UInt8](base64: String(self.credentials.apiKey.text.dropFirst("kes:v1:".count))))
            return try KnownSecret.inEachPhase("the API key", apiKey)
                + KnownSecret.privateKey("the client's key", self.credentials.client.key)
        }
    }

    /// Puts a pair where the agent looks for it, and its key in plain text beside it.
    fileprivate func lay(_ pair: TestKeyPair, encryptedWith password: String?) throws {
        try self.folder.write(pair.key, to: "plain.key")
        if let password {
            try OpenSSLCommand.run(
                "pkcs8", "-topk8", "-in", "plain.key", "-out", "encrypted.key", "-passout", "pass:\(password)",
                in: self.folder)
            try overwrite(self.folder("client.key"), with: try text(of: self.folder("encrypted.key")))
        } else {
            try overwrite(self.folder("client.key"), with: pair.key)
        }
        try overwrite(self.folder("client.crt"), with: pair.certificate)
    }
}

extension KnownSecret {
    /// The secret numbers of a private key, PKCS #8 in PEM: as they stand in its DER, in the lines of its PEM, and as
    /// OpenSSL's big numbers have them, the other way round.
    fileprivate static func privateKey(_ name: String, _ pem: String) throws -> [KnownSecret] {
        let text = pem.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
        let der = try #require([UInt8](base64: text))
        let secret: [UInt8]
        if der.count > 1000 {
            secret = Array(der[320...])  // RSA: behind the modulus and the public exponent.
        } else if der.count == 48 {
            secret = Array(der.suffix(32))  // Ed25519: all of it.
        } else {
            let start = try #require(der.firstRange(of: [0x02, 0x01, 0x01, 0x04])).upperBound + 1
            secret = Array(der[start..<start + Int(der[start - 1])])
        }
        return Self.inEachPhase(name, secret) + [KnownSecret("\(name), reversed", secret.reversed())]
    }

    /// In base64 a byte string looks in one of three ways, by what stands before it.
    fileprivate static func inEachPhase(_ name: String, _ bytes: [UInt8]) -> [KnownSecret] {
        (0..<3).map { KnownSecret(name, Array(bytes.dropFirst($0))) }
    }
}
