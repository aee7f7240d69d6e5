// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import LockedMemory

/// One block of a PEM text: RFC 7468, with the headers of RFC 1421 in old key files.
///
/// Parsed here and not by OpenSSL, so that errors can name the line, and so that a private key moves only between
/// locked memory. Text outside of blocks and white space at line ends are ignored.
struct PEMBlock: Sendable {
    /// For example `RSA PRIVATE KEY`.
    let label: String
    /// The line of its `BEGIN`, counted from 1.
    let line: Int
    /// The value of the header `DEK-Info`: `AES-128-CBC,30ED…`.
    private(set) var encryption: String?
    /// Whether its `END` was found.
    private(set) var isComplete = false
    /// The range of the base64 in the text, including line ends.
    private var body: Range<Int>

    var isCertificate: Bool { self.label == "CERTIFICATE" }
    var isPrivateKey: Bool { self.label.hasSuffix("PRIVATE KEY") }

    private init(label: String, line: Int, start: Int) {
        self.label = label
        self.line = line
        self.body = start..<start
    }

    /// All blocks of a text, including incomplete ones.
    static func all(in text: borrowing Secret) -> [PEMBlock] {
        text.withBytes { text in
            var blocks: [PEMBlock] = []
            var isOpen = false
            var line = 0
            var start = 0
            while start < text.count {
                let end = (start..<text.count).first { text[$0] == UInt8(ascii: "\n") } ?? text.count
                let next = min(end + 1, text.count)
                line += 1
                if let label = Self.label(after: "-----BEGIN ", in: text.extracting(start..<end)) {
                    blocks.append(PEMBlock(label: label, line: line, start: next))
                    isOpen = true
                } else if isOpen, let last = blocks.indices.last {
                    isOpen = blocks[last].take(start..<end, of: text, next: next)
                }
                start = next
            }
            return blocks
        }
    }

    /// Adds a line that is not a `BEGIN`.
    ///
    /// - Returns: whether the block can have more lines.
    private mutating func take(_ range: Range<Int>, of text: Span<UInt8>, next: Int) -> Bool {
        let line = text.extracting(range)
        if let label = Self.label(after: "-----END ", in: line) {
            self.isComplete = label == self.label
            return false
        }
        // A header has a colon, which is not a base64 character.
        if line.indices.contains(where: { line[$0] == UInt8(ascii: ":") }) {
            self.encryption = Self.text(after: "DEK-Info:", in: line) ?? self.encryption
            self.body = next..<next
        } else {
            self.body = self.body.lowerBound..<next
        }
        return true
    }

    /// The label between `marker` and five hyphens. Nil if the line does not match.
    private static func label(after marker: String, in line: Span<UInt8>) -> String? {
        guard let rest = Self.text(after: marker, in: line), rest.hasSuffix("-----") else { return nil }
        return String(rest.dropLast(5))
    }

    /// The rest of a line after `prefix`, without surrounding white space. No other part of a text becomes a `String`,
    /// because it may be a key. Must be short and printable ASCII, because it appears in messages.
    private static func text(after prefix: String, in line: Span<UInt8>) -> String? {
        guard let first = line.indices.first(where: { !line[$0].isBlank }),
            let last = line.indices.last(where: { !line[$0].isBlank }),
            case let line = line.extracting(first...last), line.count <= 128, line.hasPrefix(prefix),
            case let rest = line.extracting(droppingFirst: prefix.utf8.count),
            rest.indices.allSatisfy({ (0x20..<0x7f).contains(rest[$0]) })
        else { return nil }
        return String(decoding: rest.indices.map { rest[$0] }, as: UTF8.self)
    }

    /// Decodes the contents of the block.
    ///
    /// - Parameter text: the text that the block was found in.
    /// - Throws: `.truncated`, `.notBase64`, `.failed`.
    func contents(of text: borrowing Secret, in memory: SecretMemory) throws(CredentialError) -> Secret {
        guard self.isComplete else { throw .truncated(label: self.label, line: self.line) }
        var base64 = try CredentialError.wrapping { () throws(CryptographyError) in
            try memory.makeSecret(byteCount: self.body.count)
        }
        let characterCount = text.withBytes { text in
            base64.withMutableBytes { base64 in
                var count = 0
                for index in self.body where !text[index].isBlank {
                    base64[count] = text[index]
                    count += 1
                }
                return count
            }
        }
        base64.truncate(to: characterCount)
        return try self.decode(base64, in: memory)
    }

    private func decode(_ base64: borrowing Secret, in memory: SecretMemory) throws(CredentialError) -> Secret {
        var contents = try CredentialError.wrapping { () throws(CryptographyError) in
            try memory.makeSecret(byteCount: Base64.decodedByteCountMax(base64.byteCount))
        }
        do throws(Base64.Malformed) {
            try base64.withBytes { base64 throws(Base64.Malformed) in
                try contents.rewrite { output throws(Base64.Malformed) in try Base64.decode(base64, into: &output) }
            }
        } catch {
            throw .notBase64(label: self.label, line: self.line)
        }
        return contents
    }
}

extension Span<UInt8> {
    fileprivate func hasPrefix(_ text: String) -> Bool {
        self.count >= text.utf8.count && zip(self.indices, text.utf8).allSatisfy { self[$0] == $1 }
    }
}

extension UInt8 {
    /// Space, tab or a line end.
    fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0d || self == 0x0a }
}
