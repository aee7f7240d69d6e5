// SPDX-License-Identifier: Apache-2.0

/// Durations such as `500ms`, `30s`, `5m`, `1h30m`: whole numbers with a unit, larger units first.
extension SettingCodec<Duration> {
    static func duration(atLeast shortest: Duration = .zero) -> SettingCodec {
        let bound = shortest > .zero ? ", of at least \(Self.format(shortest))" : ""
        return SettingCodec(expectation: "a duration such as 500ms, 30s, 5m or 1h30m\(bound)") { text in
            Duration(setting: text).flatMap { (shortest...Duration.longestSetting).contains($0) ? $0 : nil }
        } format: {
            Self.format($0)
        }
    }

    fileprivate static func format(_ duration: Duration) -> String {
        var rest = Int(duration / .milliseconds(1))
        let parts = Duration.units.compactMap { unit in
            let (count, remainder) = rest.quotientAndRemainder(dividingBy: unit.milliseconds)
            rest = remainder
            return count > 0 ? "\(count)\(unit.name)" : nil
        }
        return parts.isEmpty ? "0s" : parts.joined()
    }
}

extension Duration {
    /// One year: no setting needs more, and sums of a few cannot overflow.
    fileprivate static var longestSetting: Duration { .seconds(365 * 24 * 3600) }

    fileprivate static var units: [(name: String, milliseconds: Int)] {
        [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)]
    }

    /// In the format of settings: `1h30m`.
    package var settingText: String { SettingCodec<Duration>.format(self) }

    /// Nil if the text is not a valid duration.
    package init?(setting text: String) {
        guard text != "0" else {
            self = .zero
            return
        }
        var rest = text[...]
        var units = Self.units[...]
        var total = Duration.zero
        repeat {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            let name = rest[digits.endIndex...].prefix { $0.isLetter }
            guard let index = units.firstIndex(where: { $0.name == name }), let count = Int(digits),
                count <= Int(Self.longestSetting / .milliseconds(units[index].milliseconds))
            else { return nil }
            total += .milliseconds(count * units[index].milliseconds)
            units = units[(index + 1)...]
            rest = rest[name.endIndex...]
        } while !rest.isEmpty
        self = total
    }
}
