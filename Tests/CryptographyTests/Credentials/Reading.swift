// SPDX-License-Identifier: Apache-2.0

import Cryptography
import LockedMemory
import TestSupport
import Testing

/// Reads what tests have as text the way the agent reads what operators have as files.
enum Read {
    static func key(_ pem: String, password: String? = nil) throws -> PrivateKey {
        let memory = try SharedMemory.secrets
        let password = try password.map { SharedSecret(try Secret(Array($0.utf8), in: memory)) }
        return try PrivateKey(pem: Secret(Array(pem.utf8), in: memory), password: password, memory: memory)
    }

    static func chain(_ pem: String) throws -> CertificateChain {
        let memory = try SharedMemory.secrets
        return try CertificateChain(pem: Secret(Array(pem.utf8), in: memory), memory: memory)
    }

    static func identity(_ certificates: String, _ key: String, password: String? = nil) throws -> CertifiedKey {
        try CertifiedKey(chain: Self.chain(certificates), key: Self.key(key, password: password))
    }

    static func apiKey(_ text: String, now: Int = 1_800_000_000) throws -> CertifiedKey {
        let memory = try SharedMemory.secrets
        return try CertifiedKey(apiKey: Secret(Array(text.utf8), in: memory), now: now, memory: memory)
    }

    static func authorities(_ pem: String) throws -> AuthorityList {
        let memory = try SharedMemory.secrets
        return AuthorityList(pem: try Secret(Array(pem.utf8), in: memory), memory: memory)
    }
}

/// The error that a body throws; nil if none.
func credentialError(_ body: () throws -> Void) -> CredentialError? {
    do {
        try body()
    } catch let error as CredentialError {
        return error
    } catch {
        Issue.record(error)
    }
    return nil
}

/// An authority that tests share.
enum Authority {
    private static let made = Result {
        _ = try SharedMemory.secrets  // The authority is made by OpenSSL, in this process.
        return try TestAuthority()
    }

    static func test() throws -> TestAuthority { try self.made.get() }
}
