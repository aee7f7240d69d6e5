// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Decodes UTF-8. Each invalid byte becomes one U+FFFD, as in Go; the standard library replaces several bytes by
    /// one.
    package init(repairing bytes: Span<UInt8>) {
        if let text = try? UTF8Span(validating: bytes) {
            self.init(copying: text)
            return
        }
        var repaired: [UInt8] = []
        repaired.reserveCapacity(bytes.count)
        var offset = 0
        while offset < bytes.count {
            guard let byteCount = UTF8Sequence.byteCount(at: offset, in: bytes) else {
                repaired.append(contentsOf: "\u{FFFD}".utf8)
                offset += 1
                continue
            }
            for index in offset..<offset + byteCount { repaired.append(bytes[index]) }
            offset += byteCount
        }
        self.init(decoding: repaired, as: UTF8.self)
    }
}
