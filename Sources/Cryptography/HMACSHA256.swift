// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import LockedMemory

/// HMAC-SHA-256 (RFC 2104, FIPS 180-4) with one key. Thread-safe.
package final class HMACSHA256: Sendable {
    /// Length of a code in bytes.
    package static let byteCount = 32

    private let contexts: ContextPool<MACContext>

    /// - Throws: `.openSSL` if this OpenSSL lacks HMAC or SHA-256.
    package init(key: SharedSecret) throws(CryptographyError) {
        self.contexts = try ContextPool { () throws(CryptographyError) in try MACContext(key: key.value) }
    }

    /// The 32-byte code of a message. A secret, because it may be used as a key.
    package func code(of message: Span<UInt8>, into memory: SecretMemory) throws(CryptographyError) -> Secret {
        var code = try memory.makeSecret(byteCount: Self.byteCount)
        try self.contexts.withContext { context throws(CryptographyError) in
            try unsafe code.withUnsafeMutableBytes { code throws(CryptographyError) in
                try unsafe context.authenticate(message, into: code)
            }
        }
        return code
    }
}

/// An `EVP_MAC_CTX` with a key, reused for one message after the other.
///
/// `@unchecked Sendable`: used by one thread at a time, the one that took it out of its ``ContextPool``.
@safe private final class MACContext: @unchecked Sendable {
    private let context: OpaquePointer

    init(key: borrowing Secret) throws(CryptographyError) {
        guard let mac = unsafe EVP_MAC_fetch(nil, "HMAC", nil) else { throw .reported(by: "EVP_MAC_fetch") }
        defer { unsafe EVP_MAC_free(mac) }  // The context has a reference too.
        guard let context = unsafe EVP_MAC_CTX_new(mac) else { throw .reported(by: "EVP_MAC_CTX_new") }
        unsafe self.context = context
        guard unsafe keyside_mac_set_digest(context, "SHA256") == 1 else {
            throw .reported(by: "EVP_MAC_CTX_set_params")
        }
        let keyed = unsafe key.withUnsafeBytes { key in
            unsafe EVP_MAC_init(context, key.baseAddress, key.count, nil)
        }
        guard keyed == 1 else { throw .reported(by: "EVP_MAC_init") }
    }

    deinit { unsafe EVP_MAC_CTX_free(self.context) }

    func authenticate(_ message: Span<UInt8>, into code: UnsafeMutableRawBufferPointer) throws(CryptographyError) {
        // Without a key argument, OpenSSL reuses the context's key and its two precomputed inner states.
        guard unsafe EVP_MAC_init(self.context, nil, 0, nil) == 1 else { throw .reported(by: "EVP_MAC_init") }
        let updated = unsafe message.withUnsafeBytes { message in
            unsafe EVP_MAC_update(self.context, message.baseAddress, message.count)
        }
        guard updated == 1 else { throw .reported(by: "EVP_MAC_update") }
        var written = 0
        let finished = unsafe EVP_MAC_final(self.context, code.baseAddress, &written, code.count)
        guard finished == 1, written == code.count else { throw .reported(by: "EVP_MAC_final") }
    }
}
