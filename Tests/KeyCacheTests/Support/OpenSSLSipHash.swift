// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import TestSupport

/// SipHash-2-4 with 128 bits of output, as OpenSSL has it.
enum OpenSSLSipHash {
    static func digest(of message: [UInt8], key: [UInt8]) throws -> [UInt8] {
        guard let mac = EVP_MAC_fetch(nil, "SIPHASH", nil) else { throw TestFailure.unusable("EVP_MAC_fetch") }
        defer { EVP_MAC_free(mac) }
        guard let context = EVP_MAC_CTX_new(mac) else { throw TestFailure.unusable("EVP_MAC_CTX_new") }
        defer { EVP_MAC_CTX_free(context) }
        var digest = [UInt8](repeating: 0, count: 16)
        var byteCount = 0
        guard EVP_MAC_init(context, key, key.count, nil) == 1,
            EVP_MAC_update(context, message, message.count) == 1,
            EVP_MAC_final(context, &digest, &byteCount, digest.count) == 1, byteCount == digest.count
        else { throw TestFailure.unusable("EVP_MAC") }
        return digest
    }
}
