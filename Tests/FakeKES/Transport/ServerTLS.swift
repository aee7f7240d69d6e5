// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL
import Synchronization
import TestSupport

/// The server's side of TLS, for every state of the door.
final class ServerTLS: Sendable {
    private let authority: TestAuthority
    private let valid: TestKeyPair
    /// Contexts are kept, for a session can be resumed only in the one that it began in.
    private let contexts = Mutex<[Face: NIOSSLContext]>([:])
    private let otherPairs = Mutex<[ConnectionFaults.Certificate: TestKeyPair]>([:])

    /// All that a context depends on.
    private struct Face: Hashable {
        var connectionFaults: ConnectionFaults
        let demandsCertificate: Bool
    }

    init(authority: TestAuthority, pair: TestKeyPair) {
        self.authority = authority
        self.valid = pair
    }

    func context(for connectionFaults: ConnectionFaults, demandsCertificate: Bool) throws -> NIOSSLContext {
        var face = Face(connectionFaults: connectionFaults, demandsCertificate: demandsCertificate)
        face.connectionFaults.handshake = .completes
        face.connectionFaults.connectionCountMax = nil
        guard connectionFaults.resumesSessions else { return try self.makeContext(face) }
        if let context = self.contexts.withLock({ $0[face] }) { return context }
        let context = try self.makeContext(face)
        self.contexts.withLock { $0[face] = context }
        return context
    }

    /// Forgets every session, as KES does when it reads its configuration again.
    func forgetSessions() { self.contexts.withLock { $0 = [:] } }

    private func makeContext(_ face: Face) throws -> NIOSSLContext {
        let connectionFaults = face.connectionFaults
        let pair = try self.pair(connectionFaults.certificate)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(pair.certificate.utf8))
                .map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(pair.key.utf8), format: .pem)))
        configuration.minimumTLSVersion = connectionFaults.tlsVersions.contains(.tls12) ? .tlsv12 : .tlsv13
        configuration.maximumTLSVersion = connectionFaults.tlsVersions.contains(.tls13) ? .tlsv13 : .tlsv12
        configuration.applicationProtocols = [(ConnectionFaults.HTTPVersion.http2, "h2"), (.http11, "http/1.1")]
            .filter { connectionFaults.httpVersions.contains($0.0) }.map(\.1)
        // What a certificate says is nobody's business here, unless the door verifies.
        configuration.certificateVerification =
            face.demandsCertificate ? .noHostnameVerification : .optionalVerification
        configuration.trustRoots = .certificates(
            try connectionFaults.verifiesClients
                ? NIOSSLCertificate.fromPEMBytes(Array(self.authority.certificate.utf8)) : [])
        // Without this list, Ed25519 is refused, and with it every API key.
        configuration.verifySignatureAlgorithms = [
            .ed25519, .ecdsaSecp256R1Sha256, .ecdsaSecp384R1Sha384, .ecdsaSecp521R1Sha512, .rsaPssRsaeSha256,
            .rsaPssRsaeSha384, .rsaPssRsaeSha512, .rsaPkcs1Sha256, .rsaPkcs1Sha384, .rsaPkcs1Sha512,
        ]
        configuration.shutdownTimeout = .milliseconds(100)
        return try NIOSSLContext(configuration: configuration)
    }

    private func pair(_ kind: ConnectionFaults.Certificate) throws -> TestKeyPair {
        if kind == .valid { return self.valid }
        if let pair = self.otherPairs.withLock({ $0[kind] }) { return pair }
        let pair = try self.issue(kind)
        self.otherPairs.withLock { $0[kind] = pair }
        return pair
    }

    private func issue(_ kind: ConnectionFaults.Certificate) throws -> TestKeyPair {
        switch kind {
        case .valid: self.valid
        case .expired: try self.authority.issueServer(validity: .expired)
        case .notYetValid: try self.authority.issueServer(validity: .notYet)
        case .otherName: try self.authority.issueServer(names: ["DNS:other.example"])
        case .otherAuthority: try TestAuthority(name: "another authority").issueServer()
        }
    }
}
