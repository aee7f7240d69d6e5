// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Cryptography
import KeyService

extension EncryptedMessage {
    /// The oldest format of object stores and KES: `{"aead": …, "id": …, "iv": …, "nonce": …, "bytes": …}`, with IV,
    /// nonce and body in base64. The key id and unknown members are ignored: the authentication tag shows whether the
    /// key is right.
    init?(json text: Span<UInt8>) {
        var name: String?
        var iv: [UInt8]?
        var nonce: [UInt8]?
        var body: [UInt8]?
        do {
            var reader = JSONReader()
            try reader.enterObject(in: text)
            while let member = try reader.nextMember(in: text) {
                switch member {
                case "aead": try reader.readString(into: &name, in: text)
                case "id": try reader.skipString(in: text)
                case "iv": try reader.readBase64(into: &iv, in: text)
                case "nonce": try reader.readBase64(into: &nonce, in: text)
                case "bytes": try reader.readBase64(into: &body, in: text)
                default: try reader.skipValue(in: text)
                }
            }
            guard reader.isAtEnd(in: text) else { return nil }
        } catch {
            return nil  // Starts and ends like JSON, but is not JSON.
        }
        guard
            let algorithm = name.flatMap(Self.algorithm(jsonName:)),
            let iv = iv.flatMap({ InitializationVector($0[...]) }),
            let nonce = nonce.flatMap({ AEAD.Nonce($0[...]) }),
            let body
        else { return nil }
        self.init(algorithm: algorithm, iv: iv, nonce: nonce, body: body[...])
    }

    private static func algorithm(jsonName name: String) -> KeyAlgorithm? {
        switch name {
        case "AES-256-GCM-HMAC-SHA-256": .aes256
        case "ChaCha20Poly1305": .chaCha20
        default: nil
        }
    }
}
