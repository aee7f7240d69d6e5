// SPDX-License-Identifier: Apache-2.0

/// The format of a setting's value: parses and prints it.
struct SettingCodec<Value: Sendable>: Sendable {
    /// What to write, for diagnostics: `a whole number from 1 to 9`.
    let expectation: String
    /// The value of a text; nil if it is invalid.
    let parse: @Sendable (String) -> Value?
    let format: @Sendable (Value) -> String
}

extension SettingCodec<Bool> {
    /// YAML's spellings, and the digits that people write into variables.
    static var boolean: SettingCodec {
        SettingCodec(expectation: "true or false") { text in
            switch text.lowercased() {
            case "true", "yes", "on", "1": true
            case "false", "no", "off", "0": false
            default: nil
            }
        } format: {
            $0 ? "true" : "false"
        }
    }
}

extension SettingCodec<Int> {
    static func integer(_ range: ClosedRange<Int>) -> SettingCodec {
        SettingCodec(expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        } format: {
            String($0)
        }
    }
}

extension SettingCodec<UInt32> {
    /// Permission bits in octal. YAML passes `0660` on as text, so quotes make no difference.
    static var mode: SettingCodec {
        SettingCodec(expectation: "three octal digits, with or without 0 or 0o before them: 660, 0660 or 0o660") {
            text in
            let prefix = text.hasPrefix("0o") ? 2 : text.count == 4 && text.hasPrefix("0") ? 1 : 0
            let digits = text.dropFirst(prefix)
            let isOctal = digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }
            return isOctal && digits.count == 3 ? UInt32(digits, radix: 8) : nil
        } format: {
            let digits = String($0, radix: 8)
            return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        }
    }
}

extension SettingCodec<String?> {
    /// A user or group, by name or number. Empty: nil, the process's own.
    static var account: SettingCodec {
        SettingCodec(expectation: "a name or number, without white space, ':' and '/'") { text in
            let isAccount = text.unicodeScalars.allSatisfy {
                $0 != ":" && $0 != "/" && $0 != "\0" && !$0.properties.isWhitespace
            }
            return isAccount ? .some(text.isEmpty ? nil : text) : nil
        } format: {
            $0 ?? ""
        }
    }
}

extension SettingCodec<String> {
    static var socketPath: SettingCodec {
        // The length of an address in unix(7), without its terminating NUL.
        let byteCountMax = 107
        let expectation =
            "an absolute path of at most \(byteCountMax) bytes; abstract sockets ('@…') have no owner and no mode,"
            + " so they are refused"
        return SettingCodec(expectation: expectation) { text in
            let isPath = text.hasPrefix("/") && !text.hasSuffix("/") && !text.utf8.contains(0)
            return isPath && text.utf8.count <= byteCountMax ? text : nil
        } format: {
            $0
        }
    }

    static var anyText: SettingCodec {
        SettingCodec(expectation: "a text", parse: { $0 }, format: { $0 })
    }

    static func oneOf(_ words: [String]) -> SettingCodec {
        SettingCodec(expectation: "one of " + words.joined(separator: ", ")) { text in
            words.contains(text) ? text : nil
        } format: {
            $0
        }
    }
}

extension SettingCodec where Value: CaseIterable & RawRepresentable<String> {
    static var choice: SettingCodec {
        SettingCodec(expectation: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", ")) { text in
            Value(rawValue: text)
        } format: {
            $0.rawValue
        }
    }
}
