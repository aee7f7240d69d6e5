// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// What is known of one sealed data key: key `00 … 1f`, IV `a0 … af`, nonce `c0 … cb`.
enum Vector {
    static let plaintext = [UInt8](0x40...0x5f)
    static let context = Array("{\"bucket\":\"bucket/object\"}".utf8)

    /// As KES writes it now: body, tag, IV, nonce.
    static let binary = [UInt8](
        hex: """
            7b79667fbf930142094c888d93ce3ccf1661c6844f78a76bc080fe565eb847d11f4335194869ee3e4a8090bcd99a6532\
            a0a1a2a3a4a5a6a7a8a9aaabacadaeafc0c1c2c3c4c5c6c7c8c9cacb
            """)

    /// As KES wrote it for a while, under the algorithm's name.
    static func messagePack(algorithm: String) -> [UInt8] {
        let (iv, nonce, body) = (self.binary[48..<64], self.binary[64...], self.binary[..<48])
        var bytes: [UInt8] = [0x95, 0xa0 | UInt8(algorithm.utf8.count)]
        bytes += Array(algorithm.utf8)
        bytes += [0xa0, 0xc4, 0x10]
        bytes += iv
        bytes += [0xc4, 0x0c]
        bytes += nonce
        bytes += [0xc4, 0x30]
        bytes += body
        return bytes
    }

    /// As MinIO and early KES wrote it.
    static func json(aead: String) -> [UInt8] {
        Array(
            """
            {"aead":"\(aead)","id":"","iv":"oKGio6SlpqeoqaqrrK2urw==","nonce":"wMHCw8TFxsfIycrL",\
            "bytes":"e3lmf7+TAUIJTIiNk848zxZhxoRPeKdrwID+Vl64R9EfQzUZSGnuPkqAkLzZmmUy"}
            """
            .utf8)
    }

    /// The same sealed with ChaCha20-Poly1305.
    static let chaCha20 =
        [UInt8](
            base64: """
                +QTxVB1P/8Yv5xkPMKGIEMbzIK9M+ltxYQ/7sV2ZD/e1gjpT2ssMUGbFR2EJYyCaoKGio6SlpqeoqaqrrK2ur8DBwsPExcbHyMnKyw==
                """) ?? []

    /// Nothing, sealed without a context.
    static let empty = [UInt8](
        hex: "6b5d2b36967a3b376bdf42df30be2697a0a1a2a3a4a5a6a7a8a9aaabacadaeafc0c1c2c3c4c5c6c7c8c9cacb")
}
