// SPDX-License-Identifier: Apache-2.0

/// The value of a `Date` header, RFC 9110 §5.6.7: `Mon, 23 Nov 2026 23:14:00 GMT`.
///
/// Changes once per second: create it once for all answers of that second.
package struct HTTPDate: Equatable, Sendable, CustomStringConvertible {
    /// Length of every date in bytes.
    package static let byteCount = 29

    /// ASCII.
    let bytes: [UInt8]

    package var description: String { String(decoding: self.bytes, as: UTF8.self) }

    /// - Precondition: the year has four digits.
    package init(secondsSinceEpoch seconds: Int) {
        let days = seconds / 86_400
        let second = seconds % 86_400
        // From here to the day of the month: `civil_from_days` of Howard Hinnant's "chrono-Compatible Low-Level Date
        // Algorithms". Years begin in March, so that the leap day is the last day of its year; eras have 400 years.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let year = era * 400 + yearOfEra + (monthFromMarch < 10 ? 0 : 1)
        precondition(seconds >= 0 && year <= 9_999, "a date that HTTP cannot write")

        func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        // 1 January 1970 was a Thursday.
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days % 7]
        let month = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"][monthFromMarch]
        let time = [second / 3_600, second / 60 % 60, second % 60].map(twoDigits).joined(separator: ":")
        self.bytes = Array("\(weekday), \(twoDigits(day)) \(month) \(year) \(time) GMT".utf8)
    }
}
