// SPDX-License-Identifier: Apache-2.0

import Logging

/// The format of log lines. Pure: time is an argument.
package enum LogFormat: Sendable, Equatable {
    /// For people: time, level, message, metadata.
    case terminal
    /// For systemd: `<priority>` as in sd-daemon(3), without the time, which the journal adds.
    case journal
    /// One JSON object.
    case json

    /// The line, with its line feed.
    ///
    /// - Parameter time: RFC 3339.
    func line(
        level: Logger.Level, message: String, metadata: Logger.Metadata, label: String, time: String
    ) -> String {
        let pairs = metadata.sorted { $0.key < $1.key }.map { (key: $0.key, value: "\($0.value)") }
        switch self {
        case .terminal:
            return "\(time) \(Self.padded(level.rawValue)) \(Self.printable(message))\(Self.suffix(pairs))\n"
        case .journal:
            return "<\(Self.priority(of: level))>\(Self.printable(message))\(Self.suffix(pairs))\n"
        case .json:
            let members =
                [("time", time), ("level", level.rawValue), ("logger", label), ("message", message)]
                + pairs.map { ($0.key, $0.value) }
            return "{" + members.map { "\(Self.quoted($0.0)):\(Self.quoted($0.1))" }.joined(separator: ",") + "}\n"
        }
    }

    /// The priorities of syslog(3).
    private static func priority(of level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    private static func padded(_ level: String) -> String {
        level + String(repeating: " ", count: max(0, 7 - level.count))
    }

    private static func suffix(_ pairs: [(key: String, value: String)]) -> String {
        pairs.map { " \($0.key)=\(Self.needsQuotes($0.value) ? Self.quoted($0.value) : $0.value)" }.joined()
    }

    private static func needsQuotes(_ value: String) -> Bool {
        value.isEmpty
            || value.unicodeScalars.contains { $0 == " " || $0 == "\"" || $0 == "=" || $0.isControlOrLineBreak }
    }

    /// Escapes characters that could break the line or control a terminal. Names come from clients.
    private static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: \.isControlOrLineBreak) else { return text }
        return String(Self.quoted(text).dropFirst().dropLast())
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.isControlOrLineBreak:
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            case _: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

extension Unicode.Scalar {
    /// Whether the character controls a terminal or ends a line. All such characters have at most four hexadecimal
    /// digits.
    fileprivate var isControlOrLineBreak: Bool {
        self.properties.generalCategory == .control || self == "\u{2028}" || self == "\u{2029}"
    }
}
