// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Glibc
import LockedMemory
import TestSupport
import Testing

/// Each test is a process of its own, with an environment of its own.
struct SystemAuthoritiesTests {
    @Test("SSL_CERT_FILE names authorities that are trusted")
    func file() async {
        await #expect(processExitsWith: .success) {
            let authority = try Authority.test()
            let folder = try TemporaryDirectory()
            setenv("SSL_CERT_FILE", try folder.write(authority.certificate, to: "bundle"), 1)
            setenv("SSL_CERT_DIR", "/nonexistent", 1)
            let outcome = try Handshake.run(ClientTLS(identity: nil, trust: TrustStore()), authority: authority)
            #expect(outcome.clientError == nil)
        }
    }

    @Test("Of the folders that SSL_CERT_DIR names, the one authority is read that is needed")
    func folder() async {
        await #expect(processExitsWith: .success) {
            let authority = try Authority.test()
            let folder = try TemporaryDirectory()
            _ = try folder.write(authority.certificate, to: "authority.pem")
            try OpenSSLCommand.run("rehash", ".", in: folder)
            unsetenv("SSL_CERT_FILE")
            setenv("SSL_CERT_DIR", "/nonexistent:\(folder.path)", 1)
            let blocks = try SharedMemory.secrets.heap(.own).blocksInUse
            let trust = try TrustStore()
            #expect(try SharedMemory.secrets.heap(.own).blocksInUse < blocks + 100)
            let outcome = try Handshake.run(ClientTLS(identity: nil, trust: trust), authority: authority)
            #expect(outcome.clientError == nil)
        }
    }

    @Test("What is not to be trusted is not, though the system does")
    func excluded() async {
        await #expect(processExitsWith: .success) {
            let authority = try Authority.test()
            let folder = try TemporaryDirectory()
            setenv("SSL_CERT_FILE", try folder.write(authority.certificate, to: "bundle"), 1)
            let trust = try TrustStore(includingSystem: false)
            #expect(try Handshake.run(ClientTLS(identity: nil, trust: trust), authority: authority).clientError != nil)
        }
    }
}
