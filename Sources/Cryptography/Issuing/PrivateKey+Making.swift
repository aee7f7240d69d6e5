// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import LockedMemory

/// Generates private keys.
extension PrivateKey {
    /// For servers: every TLS client can verify it, at low cost.
    package static func makeP256() throws(CryptographyError) -> PrivateKey {
        guard let key = unsafe keyside_p256_make() else { throw .reported(by: "EVP_EC_gen") }
        return unsafe PrivateKey(owning: key)
    }

    /// For clients of KES, whose API keys are Ed25519.
    package static func makeEd25519(in memory: SecretMemory) throws(CryptographyError) -> PrivateKey {
        try PrivateKey(ed25519: Randomness.secret(byteCount: 32, in: memory))
    }

    /// The digest for signatures; nil for Ed25519, which has its own.
    var digest: OpaquePointer? {
        unsafe EVP_PKEY_get_id(self.key) == EVP_PKEY_ED25519 ? nil : EVP_sha256()
    }
}
