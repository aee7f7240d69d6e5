// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Curl
import LockedMemory
import TestSupport

/// Who the tests' servers and clients are, and what they share in one process: libcurl and OpenSSL take the first
/// memory that they are given for good.
enum Trust {
    static let memory = {
        let memory = try! SecretMemory(heapByteCountMax: 64 << 20, allowUnlocked: true)
        try! CurlLibrary.install(memory)
        return memory
    }()
    static let authority = {
        _ = Self.memory  // Before anything else uses OpenSSL.
        return try! TestAuthority()
    }()
    static let server = try! Self.authority.issueServer()
    /// Trusts the authority's servers, and shows no certificate.
    static let client = try! Self.client(trusting: Self.authority.certificate)

    static func client(trusting authority: String, identity: ClientIdentity? = nil) throws -> ClientTLS {
        let trust = try TrustStore(includingSystem: false)
        let pem = try Secret(copying: Array(authority.utf8).span, in: Self.memory)
        for certificate in AuthorityList(pem: pem, memory: Self.memory).certificates { try trust.add(certificate) }
        return ClientTLS(identity: identity, trust: trust)
    }
}

/// An engine with one pool, which ends with the test.
func withPool<Result>(
    _ options: TransferEngine.Options = TransferEngine.Options(), tls: ClientTLS = Trust.client,
    _ body: (ConnectionPool) async throws -> Result
) async throws -> Result {
    let engine = try TransferEngine(options: options, memory: Trust.memory)
    let result = try await body(engine.makePool(tls: tls))
    await engine.stop()
    return result
}

extension ConnectionPool {
    /// What a GET of `path` gets, as text.
    func get(
        _ server: TestServer, _ path: String = "/", isRepeatable: Bool = true,
        deadline: ContinuousClock.Instant = .now + .seconds(30)
    ) async throws(TransferFailure) -> String {
        try await self.perform(
            Transfer(
                .get, server.endpoint, path, answerByteCountMax: 1 << 20, deadline: deadline, isRepeatable: isRepeatable
            )
        )
        .text
    }
}

extension TransferAnswer {
    var text: String {
        self.body.withBytes { bytes in String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self) }
    }
}
