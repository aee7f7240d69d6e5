// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// A new KES API key.
package struct APIKey: ~Copyable, Sendable {
    /// The prefix of its text, before the base64.
    package static let prefix = "kes:v1:"

    /// `[type, 1 byte, 0 for Ed25519][seed, 32 bytes]`
    package let bytes: Secret
    /// The owner's KES identity.
    package let identity: Identity

    /// Generates a key from secret randomness.
    package init(in memory: SecretMemory) throws(CryptographyError) {
        let seed = try Randomness.secret(byteCount: 32, in: memory)
        let identity = try Certificate(.apiKey, of: PrivateKey(ed25519: seed), now: 0).identity()
        var bytes = try memory.makeSecret(byteCount: 33)
        seed.withBytes { seed in
            bytes.withMutableBytes { bytes in
                for index in seed.indices { bytes[index + 1] = seed[index] }
            }
        }
        self.bytes = bytes
        self.identity = identity
    }
}
