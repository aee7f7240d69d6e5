// SPDX-License-Identifier: Apache-2.0

import Cryptography
import TestSupport
import Testing

struct CertifiedKeyTests {
    /// Before anything else of OpenSSL's is used.
    init() throws { _ = try SharedMemory.secrets }

    @Test("A pair is read, with its dates and its identity", arguments: TestKeyKind.allCases)
    func pair(kind: TestKeyKind) throws {
        let pair = try Authority.test().issueClient("app", kind: kind)
        let identity = try Read.identity(pair.certificate, pair.key)
        #expect(identity.identity == pair.identity)
        #expect(identity.chain.leaf.subject == "CN=app")
        #expect(
            identity.validity
                == Validity(notBefore: pair.facts.validity.notBefore, notAfter: pair.facts.validity.notAfter))
        #expect(identity.kesObjection == nil)
    }

    @Test("Certificate and key may stand in one file")
    func oneFile() throws {
        let pair = try Authority.test().issueClient()
        let text = pair.key + pair.certificate
        #expect(try Read.identity(text, text).identity == pair.identity)
    }

    @Test("The authorities above it may follow the client's certificate")
    func chain() throws {
        let authority = try Authority.test()
        let pair = try authority.issueClient()
        let identity = try Read.identity(pair.certificate + authority.certificate, pair.key)
        #expect(identity.chain.certificates.map(\.isAuthority) == [false, true])
        #expect(identity.identity == pair.identity)
        #expect(identity.kesObjection == nil)
    }

    @Test("A key of another certificate is refused; where its own stands is told")
    func mismatch() throws {
        let authority = try Authority.test()
        let (one, other) = (try authority.issueClient(), try authority.issueClient(kind: .ed25519))
        #expect(
            credentialError { _ = try Read.identity(one.certificate, other.key) }
                == .keyOfAnotherCertificate(position: nil))
        let error = credentialError { _ = try Read.identity(one.certificate + other.certificate, other.key) }
        #expect(error == .keyOfAnotherCertificate(position: 2))
        #expect(error?.description.contains("certificate 2 of the file") == true)
    }

    @Test("What KES would not take is told: an authority's certificate, and several others")
    func kesObjections() throws {
        let authority = try Authority.test()
        let (one, other) = (try authority.issueClient(), try authority.issueClient())
        #expect(try Read.identity(authority.certificate, authority.pair.key).kesObjection == .isAuthority)
        #expect(
            try Read.identity(one.certificate + other.certificate, one.key).kesObjection == .severalOthers(count: 2))
    }

    @Test("Dates are judged to the second")
    func validity() {
        let validity = Validity(notBefore: 100, notAfter: 200)
        #expect(!validity.hasBegun(at: 99) && validity.hasBegun(at: 100))
        #expect(!validity.hasEnded(at: 200) && validity.hasEnded(at: 201))
    }

    @Test("A key too short for TLS is refused before the first connection")
    func weakKey() throws {
        let folder = try TemporaryDirectory()
        try OpenSSLCommand.run(
            "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", "key.pem", "-subj", "/CN=weak", "-out",
            "certificate.pem", in: folder)
        let (certificate, key) = (try text(of: folder("certificate.pem")), try text(of: folder("key.pem")))
        #expect(credentialError { _ = try Read.identity(certificate, key) } == .refused(reason: "ee key too small"))
    }
}
