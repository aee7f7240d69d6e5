// SPDX-License-Identifier: Apache-2.0

/// A word of at most 16 bytes as one number, put together byte by byte: a header's name or value is compared without
/// being kept. Letters of ASCII are taken as small ones.
struct ShortToken: Equatable {
    /// The last 16 bytes.
    private var bytes: UInt128 = 0
    private(set) var byteCount = 0

    init() {}

    /// - Precondition: the text has at most 16 bytes.
    init(_ text: String) {
        precondition(text.utf8.count <= 16, "no short token")
        for byte in text.utf8 { self.append(byte) }
    }

    var isEmpty: Bool { self.byteCount == 0 }

    mutating func append(_ byte: UInt8) {
        let isCapital = byte &- UInt8(ascii: "A") < 26
        self.bytes = self.bytes << 8 | UInt128(isCapital ? byte | 0x20 : byte)
        self.byteCount += 1
    }
}
