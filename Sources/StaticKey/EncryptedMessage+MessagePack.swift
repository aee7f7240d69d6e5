// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Cryptography
import KeyService

extension EncryptedMessage {
    /// The first byte of the format: an array of five elements.
    static let messagePackMark: UInt8 = 0x95

    /// A former format of KES: `[algorithm, key id, IV, nonce, body]`, two strings and three byte strings, without
    /// trailing bytes. The key id is ignored: the authentication tag shows whether the key is right.
    init?(messagePack bytes: [UInt8]) {
        var reader = MessagePackReader(bytes.dropFirst())
        guard
            let name = reader.readString(), let algorithm = Self.algorithm(messagePackName: name),
            reader.readString() != nil,
            let iv = reader.readBytes().flatMap(InitializationVector.init),
            let nonce = reader.readBytes().flatMap(AEAD.Nonce.init),
            let body = reader.readBytes(),
            reader.isAtEnd
        else { return nil }
        self.init(algorithm: algorithm, iv: iv, nonce: nonce, body: body)
    }

    /// Each algorithm has had two names.
    private static func algorithm(messagePackName name: String) -> KeyAlgorithm? {
        switch name {
        case "AES256", "AES256-GCM_SHA256": .aes256
        case "ChaCha20", "XCHACHA20-POLY1305": .chaCha20
        default: nil
        }
    }
}

/// Reads the two MessagePack types of a ciphertext, one value after the other. Returns nil if the next value has
/// another type or is incomplete.
private struct MessagePackReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.rest = bytes }

    var isAtEnd: Bool { self.rest.isEmpty }

    mutating func readString() -> String? {
        let byteCount: Int?
        switch self.rest.popFirst() {
        case let mark? where mark & 0xe0 == 0xa0: byteCount = Int(mark & 0x1f)
        case 0xd9: byteCount = self.readBigEndian(byteCount: 1)
        case 0xda: byteCount = self.readBigEndian(byteCount: 2)
        case 0xdb: byteCount = self.readBigEndian(byteCount: 4)
        default: byteCount = nil
        }
        return byteCount.flatMap { self.take($0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    mutating func readBytes() -> ArraySlice<UInt8>? {
        let byteCount: Int?
        switch self.rest.popFirst() {
        case 0xc4: byteCount = self.readBigEndian(byteCount: 1)
        case 0xc5: byteCount = self.readBigEndian(byteCount: 2)
        case 0xc6: byteCount = self.readBigEndian(byteCount: 4)
        default: byteCount = nil
        }
        return byteCount.flatMap { self.take($0) }
    }

    private mutating func readBigEndian(byteCount: Int) -> Int? {
        self.take(byteCount).map { $0.reduce(0) { $0 << 8 | Int($1) } }
    }

    private mutating func take(_ byteCount: Int) -> ArraySlice<UInt8>? {
        guard byteCount <= self.rest.count else { return nil }
        defer { self.rest = self.rest.dropFirst(byteCount) }
        return self.rest.prefix(byteCount)
    }
}
