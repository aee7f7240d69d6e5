// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// SHA-256 (FIPS 180-4) of bytes that are not secret.
enum SHA256 {
    static let byteCount = 32

    static func digest(_ bytes: UnsafeRawBufferPointer) throws(CryptographyError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Self.byteCount)
        guard unsafe EVP_Digest(bytes.baseAddress, bytes.count, &digest, nil, EVP_sha256(), nil) == 1 else {
            throw .reported(by: "EVP_Digest")
        }
        return digest
    }
}
