// SPDX-License-Identifier: Apache-2.0

import Testing

/// A ciphertext that must not open.
struct Refusal: Sendable, CustomTestStringConvertible {
    let what: String
    let key: [UInt8]
    let associatedData: [UInt8]
    let ciphertext: [UInt8]

    var testDescription: String { self.what }

    init(_ what: String, key: [UInt8] = keys.k2, associatedData: String, ciphertext: [UInt8]) {
        self.what = what
        self.key = key
        self.associatedData = Array(associatedData.utf8)
        self.ciphertext = ciphertext
    }

    /// All but the last of the published refusals, which is of a name.
    static let all = [
        Refusal("F1: another context", associatedData: "{}", ciphertext: Sample.binary.ciphertext),
        Refusal(
            "F2: a blank in the context",
            associatedData: #"{"bucket": "bucket/object"}"#,
            ciphertext: Sample.binary.ciphertext
        ),
        Refusal(
            "F3: no bytes for an empty context",
            associatedData: "",
            ciphertext: Sample.withoutContext.ciphertext
        ),
        Refusal("F4: the tag's last byte flipped", ciphertext: Sample.binary.ciphertext.flipping(byte: 47)),
        Refusal("F5: the IV's first byte flipped", ciphertext: Sample.binary.ciphertext.flipping(byte: 48)),
        Refusal("F6: the last byte cut off", ciphertext: Sample.binary.ciphertext.dropLast()),
        Refusal(
            "F7: another key",
            key: keys.k1,
            associatedData: Sample.bucketContext,
            ciphertext: Sample.binary.ciphertext
        ),
        Refusal(
            "F8: JSON with a line feed behind it",
            key: keys.k1,
            associatedData: "{}",
            ciphertext: Sample.minio.ciphertext + [0x0a]
        ),
        Refusal(
            "F9: an algorithm that is none",
            key: keys.k0,
            associatedData: "",
            ciphertext: Sample.kesJSON(aead: "AES-256-GCM")
        ),
        Refusal(
            "F10: an IV of 20 bytes",
            key: keys.k0,
            associatedData: "",
            ciphertext: Sample.kesJSON(iv: "EjOY4JKqjIrPmQ5z1KSR8zlhggY=")
        ),
        Refusal(
            "F11: a nonce of 8 bytes",
            key: keys.k0,
            associatedData: "",
            ciphertext: Sample.kesChaCha20JSON(nonce: "SXAbms731/c=")
        ),
        Refusal(
            "F12: other bytes",
            key: keys.k0,
            associatedData: "",
            ciphertext: Sample.kesJSON(bytes: "QTza1g5oX3f9cGJMbY1xJwWPj1F7R2VnNl6XpFKYQy0=")
        ),
        Refusal(
            "F13: ChaCha20 in the binary form",
            ciphertext: bytes(
                base64: "C6tWHK4eOUkOClH022qNBcSCRtAswDXuaSn++PvNPGQGgFN/W2jTkkVSPnTk5/hVoKGio6SlpqeoqaqrrK2ur7CxsrO0"
                    + "tba3uLm6uw=="
            )
        ),
        Refusal("F14: 27 bytes", associatedData: "{}", ciphertext: [UInt8](repeating: 0, count: 27)),
        Refusal("F15: no bytes", associatedData: "{}", ciphertext: []),
        Refusal("F16: 28 bytes", associatedData: "{}", ciphertext: [UInt8](repeating: 0, count: 28)),
        Refusal(
            "KES C8: MessagePack with an algorithm that is none",
            ciphertext: [0x95, 0xa3] + Array("FOO".utf8) + Sample.messagePack.ciphertext.dropFirst(8)
        ),
        Refusal("KES C8: JSON with the algorithm's other name", ciphertext: Sample.kesC6(aead: "AES256")),
        Refusal(
            "KES C8: ChaCha20 in the binary form",
            ciphertext: bytes(
                base64: "+QTxVB1P/8Yv5xkPMKGIEMbzIK9M+ltxYQ/7sV2ZD/e1gjpT2ssMUGbFR2EJYyCaoKGio6SlpqeoqaqrrK2ur8DBwsPE"
                    + "xcbHyMnKyw=="
            )
        ),
        Refusal("KES C8: no context", associatedData: "", ciphertext: Sample.messagePack.ciphertext),
    ]

    private init(_ what: String, ciphertext: [UInt8]) {
        self.init(what, associatedData: Sample.bucketContext, ciphertext: ciphertext)
    }
}

extension [UInt8] {
    func flipping(byte index: Int) -> Self {
        var flipped = self
        flipped[index] ^= 0xff
        return flipped
    }
}
