// SPDX-License-Identifier: Apache-2.0

import Cryptography
import LockedMemory
import TestSupport
import Testing

@Suite("Identities")
struct IdentityTests {
    /// Before anything else of OpenSSL's is used.
    init() throws { _ = try SharedMemory.secrets }

    private func identity(of text: String) throws -> String {
        let memory = try SharedMemory.secrets
        return try Identity(of: Secret(Array(text.utf8), in: memory), memory: memory).description
    }

    @Test("an API key's is the one that KES gives it, with and without the prefix", arguments: APIKeyTests.vectors)
    func apiKeys(vector: APIKeyTests.Vector) throws {
        #expect(try self.identity(of: vector.apiKey) == vector.identity)
        #expect(try self.identity(of: String(vector.apiKey.dropFirst(7))) == vector.identity)
    }

    @Test("a certificate's is that of its key, whatever its kind and age", arguments: TestKeyKind.allCases)
    func certificates(kind: TestKeyKind) throws {
        let pair = try Authority.test().issueClient(kind: kind, validity: .expired)
        #expect(try self.identity(of: pair.certificate) == pair.identity)
        #expect(try self.identity(of: pair.key + pair.certificate) == pair.identity)
    }

    @Test("the first certificate has the identity, and CA certificates may follow")
    func chains() throws {
        let authority = try Authority.test()
        let pair = try authority.issueClient()
        #expect(try self.identity(of: pair.certificate + authority.certificate) == pair.identity)
        for text in [authority.certificate, authority.certificate + pair.certificate] {
            #expect(credentialError { _ = try self.identity(of: text) } == .authorityAsClient)
        }
        let other = try authority.issueClient().certificate
        for text in [pair.certificate + other, pair.certificate + authority.certificate + other] {
            #expect(credentialError { _ = try self.identity(of: text) } == .severalClients(count: 2))
        }
        #expect(
            credentialError { _ = try self.identity(of: pair.key) } == .noCertificate(found: ["PRIVATE KEY"]))
    }

    @Test("a key that the listener refuses gives no identity", arguments: RefusedTestKey.allCases)
    func refusedKeys(key: RefusedTestKey) throws {
        let expected: ClientKeyFault =
            switch key {
            case .rsa1024, .rsa2047: .shortRSA
            case .rsa8704: .longRSA
            case .rsaExponent33Bits: .unusualRSAExponent
            case .p224, .secp256k1, .explicitP256: .unsupportedCurve
            case .ed448: .unsupportedAlgorithm
            }
        let pair = try Authority.test().issueClient(key: key.makeKey())
        #expect(credentialError { _ = try self.identity(of: pair.certificate) } == .unacceptableKey(expected))
    }

    @Test(
        "an identity is 64 hexadecimal digits",
        arguments: [
            (String(repeating: "0", count: 64), true), (String(repeating: "Af", count: 32), true),
            (String(repeating: "0", count: 63), false), (String(repeating: "0", count: 65), false),
            (String(repeating: "g", count: 64), false), ("", false), (String(repeating: "٣", count: 32), false),
        ])
    func digits(text: String, isIdentity: Bool) {
        let identity = Identity(hexadecimal: text)
        #expect((identity != nil) == isIdentity)
        if let identity { #expect(identity.description == text.lowercased()) }
    }

    @Test("It is 32 bytes, written as KES writes them")
    func text() throws {
        let identity = try #require(Identity(0..<32))
        #expect(identity.description == "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
        #expect(identity.bytes == Array(0..<32))
        #expect(Identity(0..<31) == nil)
        #expect(Identity(0..<33) == nil)
    }

    @Test("Each of its bytes counts")
    func equality() throws {
        let identity = try #require(Identity(0..<32))
        for index in 0..<32 {
            var bytes = [UInt8](0..<32)
            bytes[index] ^= 1
            let other = try #require(Identity(bytes))
            #expect(other != identity)
            #expect(Set([identity, other, identity]).count == 2)
        }
    }
}
