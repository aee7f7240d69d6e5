// SPDX-License-Identifier: Apache-2.0

import CTestSupport

/// Private keys that the TLS listener does not accept from a client.
package enum RefusedTestKey: String, Sendable, CaseIterable {
    case rsa1024, rsa2047, rsa8704, rsaExponent33Bits, p224, secp256k1, explicitP256, ed448

    /// A new key, PKCS #8 in PEM.
    package func makeKey() throws(TestFailure) -> String {
        SharedMemory.giveToOpenSSL()
        let text: UnsafeMutablePointer<CChar>? =
            switch self {
            case .rsa1024: unsafe testsupport_rsa_key_make(1024, 65_537)
            case .rsa2047: unsafe testsupport_rsa_key_make(2047, 65_537)
            case .rsa8704: unsafe testsupport_rsa_key_make(8704, 65_537)
            case .rsaExponent33Bits: unsafe testsupport_rsa_key_make(2048, 1 << 32 + 15)
            case .p224: unsafe testsupport_key_make("P-224")
            case .secp256k1: unsafe testsupport_key_make("secp256k1")
            case .explicitP256: unsafe testsupport_explicit_curve_key_make("P-256")
            case .ed448: unsafe testsupport_key_make("ED448")
            }
        guard let key = unsafe takeText(text) else { throw .unusable("OpenSSL makes no \(self.rawValue) key") }
        return key
    }
}
