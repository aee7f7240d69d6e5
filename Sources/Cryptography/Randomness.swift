// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import LockedMemory

/// Random bytes from OpenSSL's generators. Each thread has its own.
package enum Randomness {
    /// Random bytes that may become public, such as nonces.
    package static func bytes<let count: Int>() throws(CryptographyError) -> InlineArray<count, UInt8> {
        var bytes = InlineArray<count, UInt8>(repeating: 0)
        var span = bytes.mutableSpan
        let status = unsafe span.withUnsafeMutableBufferPointer { bytes in
            unsafe RAND_bytes(bytes.baseAddress, Int32(bytes.count))
        }
        guard status == 1 else { throw .reported(by: "RAND_bytes") }
        return bytes
    }

    /// Secret random bytes, from a separate generator.
    package static func secret(byteCount: Int, in memory: SecretMemory) throws(CryptographyError) -> Secret {
        var secret = try memory.makeSecret(byteCount: byteCount)
        let status = unsafe secret.withUnsafeMutableBytes { bytes in
            unsafe RAND_priv_bytes(bytes.baseAddress, Int32(bytes.count))
        }
        guard status == 1 else { throw .reported(by: "RAND_priv_bytes") }
        return secret
    }
}
