// SPDX-License-Identifier: Apache-2.0

/// A word of at most 16 bytes in one number, built byte by byte, to compare header names and values without storing
/// them. ASCII letters count as lower case.
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
