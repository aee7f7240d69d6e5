// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import LockedMemory

/// One block of a text in PEM: RFC 7468, with the headers of RFC 1421 that old key files have.
///
/// It is read by us and not by OpenSSL, so that an error can name the line, and so that a private key goes from locked
/// memory to locked memory. Text outside of blocks is passed over, and so is white space at the ends of lines.
struct PEMBlock: Sendable {
    /// `RSA PRIVATE KEY`
    let label: String
    /// The line of its `BEGIN`, counted from 1.
    let line: Int
    /// The value of the header `DEK-Info`: `AES-128-CBC,30ED…`.
    private(set) var encryption: String?
    /// Whether an `END` of its own follows.
    private(set) var isComplete = false
    /// The base64 in the text, line ends and all.
    private var body: Range<Int>

    var isCertificate: Bool { self.label == "CERTIFICATE" }
    var isPrivateKey: Bool { self.label.hasSuffix("PRIVATE KEY") }

    private init(label: String, line: Int, start: Int) {
        self.label = label
        self.line = line
        self.body = start..<start
    }

    /// The blocks of a text, those that do not end included.
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

    /// Takes in a line that is no `BEGIN`.
    ///
    /// - Returns: whether more lines may follow.
    private mutating func take(_ range: Range<Int>, of text: Span<UInt8>, next: Int) -> Bool {
        let line = text.extracting(range)
        if let label = Self.label(after: "-----END ", in: line) {
            self.isComplete = label == self.label
            return false
        }
        // A header has a colon, which is no character of base64.
        if line.indices.contains(where: { line[$0] == UInt8(ascii: ":") }) {
            self.encryption = Self.text(after: "DEK-Info:", in: line) ?? self.encryption
            self.body = next..<next
        } else {
            self.body = self.body.lowerBound..<next
        }
        return true
    }

    /// What stands between `marker` and five hyphens. Nil if the line is another.
    private static func label(after marker: String, in line: Span<UInt8>) -> String? {
        guard let rest = Self.text(after: marker, in: line), rest.hasSuffix("-----") else { return nil }
        return String(rest.dropLast(5))
    }

    /// What follows `prefix` in a line, without white space at the ends. Nothing else of a text becomes a `String`, since
    /// it may be a key; and this only where it is printable ASCII and not much of it, since it appears in messages.
    private static func text(after prefix: String, in line: Span<UInt8>) -> String? {
        guard let first = line.indices.first(where: { !line[$0].isBlank }),
            let last = line.indices.last(where: { !line[$0].isBlank }),
            case let line = line.extracting(first...last), line.count <= 128, line.hasPrefix(prefix),
            case let rest = line.extracting(droppingFirst: prefix.utf8.count),
            rest.indices.allSatisfy({ (0x20..<0x7f).contains(rest[$0]) })
        else { return nil }
        return String(decoding: rest.indices.map { rest[$0] }, as: UTF8.self)
    }

    /// What the block holds.
    ///
    /// - Parameter text: the one it was found in.
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
    /// Space, tab or an end of line.
    fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0d || self == 0x0a }
}
