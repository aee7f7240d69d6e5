// SPDX-License-Identifier: Apache-2.0

/// Why a pattern is invalid, in MinIO's words.
enum EndpointPatternError: Error, Equatable, CustomStringConvertible {
    case format(String)
    case startAfterEnd(UInt64, UInt64)
    case notANumber(String)
    case numberTooLarge(String)
    /// More results than the caller allows. MinIO has no such limit.
    case tooMany

    var description: String {
        switch self {
        case .format(let item):
            "Invalid ellipsis format in (\(item)), Ellipsis range must be provided in format {N...M} where N and M are"
                + " positive integers, M must be greater than N,  with an allowed minimum range of 4"
        case .startAfterEnd(let start, let end): "Incorrect range start \(start) cannot be bigger than end \(end)"
        case .notANumber(let text): "strconv.ParseUint: parsing \"\(text)\": invalid syntax"
        case .numberTooLarge(let text): "strconv.ParseUint: parsing \"\(text)\": value out of range"
        case .tooMany: "the range names too many endpoints"
        }
    }
}

/// An item of an endpoint list with ranges: `https://kes{1...4}.rack{a...c}:7373`.
///
/// A range is `{`, a number, `...`, a number, `}`. Numbers are decimal, otherwise hexadecimal in lower case; if one is
/// hexadecimal, so are the results. A pattern expands to all combinations, the leftmost range varying fastest.
struct EndpointPattern {
    private var ranges: [NumberRange] = []
    /// The texts between the ranges: one more than there are ranges.
    private var literals: [String] = [""]

    /// Whether MinIO treats an item as a pattern. Other items are used unchanged.
    static func isPattern(_ item: String) -> Bool {
        (item.contains("{") && item.contains("}")) || item.indices.contains { item[$0...].hasPrefix("...") }
    }

    /// - Throws: any error except `.tooMany`.
    init(_ item: String) throws(EndpointPatternError) {
        var rest = item[...]
        while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            self.literals[self.ranges.count] += rest[..<brace]
            guard let (start, end, after) = Self.rangeBounds(in: rest[brace...]) else { throw .format(item) }
            self.ranges.append(try NumberRange(from: start, to: end))
            self.literals.append("")
            rest = rest[after...]
        }
        guard !self.ranges.isEmpty else { throw .format(item) }
        self.literals[self.ranges.count] += rest
    }

    /// All results of the pattern.
    ///
    /// - Throws: `.tooMany`.
    func expanded(countMax: Int) throws(EndpointPatternError) -> [String] {
        var count = 1
        for range in self.ranges {
            let (product, overflow) = count.multipliedReportingOverflow(by: range.count)
            guard !overflow, product <= countMax else { throw .tooMany }
            count = product
        }
        return (0..<count)
            .map { index in
                var rest = index
                var text = self.literals[0]
                for (range, literal) in zip(self.ranges, self.literals.dropFirst()) {
                    text += range[rest % range.count] + literal
                    rest /= range.count
                }
                return text
            }
    }

    /// The two bounds of the range at the start of `text`, and its end. Nil if there is no range.
    private static func rangeBounds(
        in text: Substring
    ) -> (start: Substring, end: Substring, after: Substring.Index)? {
        let start = text.dropFirst().prefix(while: Self.isDigit)
        let dots = text[start.endIndex...]
        let end = dots.dropFirst(3).prefix(while: Self.isDigit)
        guard text.first == "{", dots.hasPrefix("..."), text[end.endIndex...].first == "}" else { return nil }
        return (start, end, text.index(after: end.endIndex))
    }

    private static func isDigit(_ character: Character) -> Bool {
        ("0"..."9").contains(character) || ("a"..."z").contains(character)
    }
}

/// `{start...end}`: the numbers from `start` to `end`, with their format.
private struct NumberRange {
    private let start: UInt64
    private let radix: Int
    /// Minimum number of digits, filled with zeros.
    private let width: Int
    let count: Int

    init(from start: Substring, to end: Substring) throws(EndpointPatternError) {
        let (first, firstIsDecimal) = try Self.number(start)
        let (last, lastIsDecimal) = try Self.number(end)
        guard first <= last else { throw .startAfterEnd(first, last) }
        self.start = first
        self.radix = firstIsDecimal && lastIsDecimal ? 10 : 16
        self.width = (start.hasPrefix("0") && start.count > 1) || end.hasPrefix("0") ? end.count : 0
        self.count = last - first < UInt64(Int.max) ? Int(last - first) + 1 : Int.max
    }

    /// A number that can be decimal is decimal, even if the other bound is hexadecimal.
    private static func number(_ text: Substring) throws(EndpointPatternError) -> (UInt64, isDecimal: Bool) {
        if let number = UInt64(text, radix: 10) { return (number, true) }
        if let number = UInt64(text, radix: 16) { return (number, false) }
        let isHexadecimal = !text.isEmpty && text.allSatisfy(\.isHexDigit)
        throw isHexadecimal ? .numberTooLarge(String(text)) : .notANumber(String(text))
    }

    subscript(index: Int) -> String {
        let digits = String(self.start + UInt64(index), radix: self.radix)
        return String(repeating: "0", count: max(0, self.width - digits.count)) + digits
    }
}
