// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import KeyService
import LockedMemory

/// The text of a static key: `name:base64 of 32 bytes`.
struct StaticKeyText: Sendable {
    let name: KeyName
    let key: SharedSecret

    /// Why a text is not a valid static key. The description never quotes the text, which may contain a key.
    enum Malformed: Error, Equatable, CustomStringConvertible {
        case noName
        case emptyName
        case nameNotUTF8
        case notBase64(offset: Int)
        case keyByteCount(Int)
        case memory(LockedMemoryError)

        var description: String {
            switch self {
            case .noName: "kms: invalid secret key format"
            case .emptyName: "the key has no name"
            case .nameNotUTF8: "the key's name is not UTF-8"
            case .notBase64(let offset): "illegal base64 data at input byte \(offset)"
            case .keyByteCount(let count): "kms: invalid key length \(count)"
            case .memory: "no locked memory left for the key"
            }
        }
    }

    /// - Parameter text: without surrounding white space.
    init(_ text: Span<UInt8>, memory: SecretMemory) throws(Malformed) {
        // The first colon ends the name, so a name cannot contain one.
        guard let colon = text.indices.first(where: { text[$0] == UInt8(ascii: ":") }) else { throw .noName }
        guard colon > 0 else { throw .emptyName }
        guard let name = try? UTF8Span(validating: text.extracting(..<colon)),
            let name = KeyName(String(copying: name))
        else { throw .nameNotUTF8 }
        self.name = name
        self.key = SharedSecret(try Self.decode(text.extracting((colon + 1)...), memory: memory))
    }

    private static func decode(_ text: Span<UInt8>, memory: SecretMemory) throws(Malformed) -> Secret {
        var key = try Self.room(for: text, memory: memory)
        try key.rewrite { output throws(Malformed) in
            do throws(Base64.Malformed) {
                try Base64.decode(text, into: &output)
            } catch {
                throw .notBase64(offset: error.offset)
            }
        }
        guard key.byteCount == StaticKeySettings.keyByteCount else { throw .keyByteCount(key.byteCount) }
        return key
    }

    private static func room(for text: Span<UInt8>, memory: SecretMemory) throws(Malformed) -> Secret {
        do throws(LockedMemoryError) {
            return try Secret(byteCount: Base64.decodedByteCountMax(text.count), in: memory)
        } catch {
            throw .memory(error)
        }
    }
}

extension StaticKeyText.Malformed {
    var remedy: String {
        switch self {
        case .noName, .emptyName, .nameNotUTF8: "write NAME:KEY, with KEY as 'openssl rand -base64 32' prints it"
        case .notBase64, .keyByteCount: "write the key as 'openssl rand -base64 32' prints it"
        case .memory: "increase LimitMEMLOCK= and memory.locked_max"
        }
    }
}
