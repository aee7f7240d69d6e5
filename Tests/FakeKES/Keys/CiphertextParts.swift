// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Cryptography
import KeyService

/// A ciphertext taken apart, whichever of KES's forms it has. The key decides the cipher; a form only has to name one.
struct CiphertextParts {
    let iv: HChaCha20.InitializationVector
    let nonce: AEAD.Nonce
    /// The enciphered plaintext and its tag.
    let body: [UInt8]

    /// Nil if the bytes are too few for any form. What cannot be read as one of the older forms is the present one.
    init?(_ ciphertext: Ciphertext) {
        let bytes = ciphertext.bytes
        if let parts = Self(messagePack: bytes) ?? Self(json: bytes) {
            self = parts
        } else {
            let end = bytes.count - 28
            guard end > 0 else { return nil }
            self.init(iv: bytes[end..<end + 16], nonce: bytes[(end + 16)...], body: bytes[..<end])
        }
    }

    private init?(iv: some Collection<UInt8>, nonce: some Collection<UInt8>, body: some Sequence<UInt8>) {
        guard iv.count == 16, nonce.count == 12 else { return nil }
        let (iv, nonce) = (Array(iv), Array(nonce))
        self.iv = HChaCha20.InitializationVector { iv[$0] }
        self.nonce = AEAD.Nonce { nonce[$0] }
        self.body = Array(body)
    }

    /// `[algorithm, key id, IV, nonce, body]`
    private init?(messagePack bytes: [UInt8]) {
        guard bytes.first == 0x95 else { return nil }
        var rest = bytes.dropFirst()
        guard let algorithm = Self.takeString(&rest), Self.takeString(&rest) != nil,
            ["AES256", "AES256-GCM_SHA256", "ChaCha20", "XCHACHA20-POLY1305"].contains(algorithm),
            let iv = Self.takeBytes(&rest), let nonce = Self.takeBytes(&rest), let body = Self.takeBytes(&rest),
            rest.isEmpty
        else { return nil }
        self.init(iv: iv, nonce: nonce, body: body)
    }

    private static func takeString(_ rest: inout ArraySlice<UInt8>) -> String? {
        switch rest.popFirst() {
        case let mark? where mark & 0xe0 == 0xa0: Self.take(Int(mark & 0x1f), &rest)
        case 0xd9: Self.takeLength(1, &rest).flatMap { Self.take($0, &rest) }
        case 0xda: Self.takeLength(2, &rest).flatMap { Self.take($0, &rest) }
        case _: nil
        }
    }

    private static func takeBytes(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        switch rest.popFirst() {
        case 0xc4: Self.takeLength(1, &rest).flatMap { Self.take($0, &rest) }
        case 0xc5: Self.takeLength(2, &rest).flatMap { Self.take($0, &rest) }
        case 0xc6: Self.takeLength(4, &rest).flatMap { Self.take($0, &rest) }
        case _: nil
        }
    }

    private static func takeLength(_ byteCount: Int, _ rest: inout ArraySlice<UInt8>) -> Int? {
        Self.take(byteCount, &rest).map { (bytes: ArraySlice<UInt8>) in bytes.reduce(0) { $0 << 8 | Int($1) } }
    }

    private static func take(_ count: Int, _ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private static func take(_ count: Int, _ rest: inout ArraySlice<UInt8>) -> String? {
        Self.take(count, &rest).map { (bytes: ArraySlice<UInt8>) in String(decoding: bytes, as: UTF8.self) }
    }

    /// `{"aead","id","iv","nonce","bytes"}`
    private init?(json bytes: [UInt8]) {
        guard bytes.first == UInt8(ascii: "{") else { return nil }
        var aead: String?
        var iv: [UInt8]?
        var nonce: [UInt8]?
        var body: [UInt8]?
        do throws(JSONError) {
            var reader = JSONReader()
            try reader.enterObject(in: bytes.span)
            while let name = try reader.nextMember(in: bytes.span) {
                switch name {
                case "aead": try reader.readString(into: &aead, in: bytes.span)
                case "iv": try reader.readBase64(into: &iv, in: bytes.span)
                case "nonce": try reader.readBase64(into: &nonce, in: bytes.span)
                case "bytes": try reader.readBase64(into: &body, in: bytes.span)
                case _: try reader.skipValue(in: bytes.span)
                }
            }
        } catch {
            return nil
        }
        guard let aead, ["AES-256-GCM-HMAC-SHA-256", "ChaCha20Poly1305"].contains(aead), let iv, let nonce, let body
        else { return nil }
        self.init(iv: iv, nonce: nonce, body: body)
    }
}
