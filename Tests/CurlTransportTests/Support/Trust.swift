// SPDX-License-Identifier: Apache-2.0

import Cryptography
import CurlTransport
import Glibc
import LockedMemory
import TestSupport

/// Who the tests' servers and clients are. Servers and clients share a process, and so locked memory.
struct Trust: Sendable {
    let memory: SecretMemory
    let authority: TestAuthority
    let server: TestKeyPair
    /// Trusts the authority's servers, and shows no certificate.
    let client: ClientTLS

    static var shared: Trust { get throws { try Self.made.get() } }

    private static let made = Result { try Trust() }

    private init() throws {
        self.memory = try SharedMemory.secrets  // Before anything else uses OpenSSL.
        try CurlLibrary.install(self.memory)
        signal(SIGPIPE, SIG_IGN)  // The servers write to clients that have gone.
        self.authority = try TestAuthority()
        self.server = try self.authority.issueServer()
        self.client = try Self.client(trusting: self.authority.certificate, memory: self.memory)
    }

    func issueServerOfAnotherAuthority() throws -> TestKeyPair {
        try TestAuthority(name: "Somebody else").issueServer()
    }

    static func client(trusting authority: String, memory: SecretMemory) throws -> ClientTLS {
        let trust = try TrustStore(includingSystem: false)
        let authorities = AuthorityList(pem: try Secret(Array(authority.utf8), in: memory), memory: memory)
        for certificate in authorities.certificates { try trust.add(certificate) }
        return ClientTLS(identity: nil, trust: trust)
    }
}
