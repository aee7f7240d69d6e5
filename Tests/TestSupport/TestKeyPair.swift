// SPDX-License-Identifier: Apache-2.0

import CTestSupport
import Glibc

/// A certificate and its private key.
package struct TestKeyPair: Sendable {
    /// PEM; the pair's own certificate first.
    package let certificate: String
    /// PKCS #8 in PEM.
    package let key: String
    package let facts: CertificateFacts

    package var identity: String { self.facts.identity }

    package init(certificate: String, key: String) throws(TestFailure) {
        self.certificate = certificate
        self.key = key
        self.facts = try CertificateFacts([UInt8](certificate.utf8))
    }

    /// Writes `NAME.crt` and `NAME.key`.
    package func write(to folder: String, as name: String) throws(TestFailure) {
        try overwrite("\(folder)/\(name).crt", with: self.certificate)
        try overwrite("\(folder)/\(name).key", with: self.key, mode: 0o600)
    }
}

/// The kinds of private keys that object stores are given for KES.
package enum TestKeyKind: String, Sendable, CaseIterable {
    case rsa2048 = "RSA"
    case p256 = "P-256"
    case p384 = "P-384"
    case ed25519 = "ED25519"

    /// A new key, PKCS #8 in PEM.
    package func makeKey() throws(TestFailure) -> String {
        SharedMemory.giveToOpenSSL()
        guard let key = unsafe takeText(testsupport_key_make(self.rawValue)) else {
            throw .unusable("OpenSSL makes no \(self.rawValue) key")
        }
        return key
    }
}

/// The text of a C string, which is freed.
func takeText(_ string: UnsafeMutablePointer<CChar>?) -> String? {
    guard let string = unsafe string else { return nil }
    defer { unsafe free(string) }
    return unsafe String(cString: string)
}

/// Writes a whole file anew, in place.
package func overwrite(_ path: String, with contents: String, mode: UInt32 = 0o644) throws(TestFailure) {
    let descriptor = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
    guard fchmod(descriptor.number, mode) == 0 else { throw .system("chmod \(path)") }
    try descriptor.write(Array(contents.utf8))
}
