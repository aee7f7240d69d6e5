// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import LockedMemory

/// KES's API keys: an Ed25519 key as text, `kes:v1:` and base64 of a type byte, 0, and the 32-byte seed. The prefix is
/// optional. The key server accepts any certificate for that key.
extension CertifiedKey {
    /// Creates a certificate for the key. Its validity begins shortly before `now`.
    ///
    /// - Parameters:
    ///   - apiKey: without surrounding white space.
    ///   - now: seconds since 1970.
    /// - Throws: `.apiKeyNotBase64`, `.apiKeyByteCount`, `.apiKeyType`, `.failed`.
    package convenience init(apiKey: borrowing Secret, now: Int, memory: SecretMemory) throws(CredentialError) {
        let seed = try Self.seed(of: apiKey, memory: memory)
        let made = try CredentialError.wrapping { () throws(CryptographyError) in
            let key = try PrivateKey(ed25519: seed)
            return (key, try Certificate(.apiKey, of: key, now: now))
        }
        try self.init(chain: CertificateChain(of: made.1), key: made.0)
    }

    private static func seed(of apiKey: borrowing Secret, memory: SecretMemory) throws(CredentialError) -> Secret {
        let prefix = Array(APIKey.prefix.utf8)
        var bytes = try CredentialError.wrapping { () throws(CryptographyError) in
            try memory.makeSecret(byteCount: Base64.decodedByteCountMax(apiKey.byteCount))
        }
        do throws(Base64.Malformed) {
            try apiKey.withBytes { text throws(Base64.Malformed) in
                let isPrefixed = text.count >= prefix.count && prefix.indices.allSatisfy { text[$0] == prefix[$0] }
                let base64 = text.extracting(droppingFirst: isPrefixed ? prefix.count : 0)
                try bytes.rewrite { output throws(Base64.Malformed) in try Base64.decode(base64, into: &output) }
            }
        } catch {
            throw .apiKeyNotBase64(offset: error.offset)
        }
        guard bytes.byteCount == 33 else { throw .apiKeyByteCount(bytes.byteCount) }
        guard bytes.withBytes({ $0[0] == 0 }) else { throw .apiKeyType }
        return try CredentialError.wrapping { () throws(CryptographyError) in
            var seed = try memory.makeSecret(byteCount: 32)
            bytes.withBytes { bytes in
                seed.withMutableBytes { seed in
                    for index in seed.indices { seed[index] = bytes[index + 1] }
                }
            }
            return seed
        }
    }
}
