// SPDX-License-Identifier: Apache-2.0

/// Sizes as `64KiB`, `8MiB`, `1GiB`: a whole number with a unit.
extension SettingCodec<Int> {
    static func size(_ range: ClosedRange<Int>) -> SettingCodec {
        let expectation =
            "a size such as 8MiB or 1GiB, from \(Self.format(range.lowerBound)) to "
            + Self.format(range.upperBound)
        return SettingCodec(expectation: expectation) { text in
            Self.byteCount(text).flatMap { range.contains($0) ? $0 : nil }
        } format: {
            Self.format($0)
        }
    }

    private static var units: [(name: String, byteCount: Int)] {
        [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    }

    private static func byteCount(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let name = text[digits.endIndex...]
        guard let unit = Self.units.first(where: { $0.name == name }), let count = Int(digits) else { return nil }
        let (byteCount, isTooMuch) = count.multipliedReportingOverflow(by: unit.byteCount)
        return isTooMuch ? nil : byteCount
    }

    private static func format(_ byteCount: Int) -> String {
        let unit = Self.units.first { byteCount.isMultiple(of: $0.byteCount) }
        return unit.map { "\(byteCount / $0.byteCount)\($0.name)" } ?? "\(byteCount / 1024)KiB"
    }
}

extension Int {
    /// In the format of settings, rounded down to whole KiB: `64MiB`.
    package var sizeText: String { SettingCodec<Int>.size(0...Int.max).format(self) }
}
