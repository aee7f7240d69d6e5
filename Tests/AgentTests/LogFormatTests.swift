// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Logging
import Testing

@testable import Agent

/// One event, one line, whatever is in it.
@Suite struct LogFormatTests {
    private static let time = "2026-01-02T03:04:05.678Z"

    private static func line(
        _ format: LogFormat, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata = [:]
    ) -> String {
        format.line(level: level, message: message, metadata: metadata, label: "keyside", time: Self.time)
    }

    @Test(
        "a line for each reader",
        arguments: [
            (.terminal, "2026-01-02T03:04:05.678Z notice  listening mode=0660 socket=/run/a.sock\n"),
            (.journal, "<5>listening mode=0660 socket=/run/a.sock\n"),
            (
                .json,
                #"{"time":"2026-01-02T03:04:05.678Z","level":"notice","logger":"keyside","message":"listening","#
                    + #""mode":"0660","socket":"/run/a.sock"}"# + "\n"
            ),
        ] as [(LogFormat, String)])
    func formats(format: LogFormat, line: String) {
        #expect(Self.line(format, .notice, "listening", ["socket": "/run/a.sock", "mode": "0660"]) == line)
    }

    @Test(
        "priorities are syslog's",
        arguments: [
            (.trace, 7), (.debug, 7), (.info, 6), (.notice, 5), (.warning, 4), (.error, 3), (.critical, 2),
        ] as [(Logger.Level, Int)])
    func priorities(level: Logger.Level, priority: Int) {
        #expect(Self.line(.journal, level, "x") == "<\(priority)>x\n")
    }

    @Test("levels leave messages aligned", arguments: Logger.Level.allCases)
    func levels(level: Logger.Level) {
        let line = Self.line(.terminal, level, "x")
        #expect(
            line
                == "\(Self.time) \(level.rawValue)\(level == .critical ? " " : String(repeating: " ", count: 8 - level.rawValue.count))x\n"
        )
    }

    @Test(
        "values with more than a word in them are quoted",
        arguments: [
            ("word", "word"), ("", "\"\""), ("two words", "\"two words\""), ("a=b", "\"a=b\""), ("a\"b", #""a\"b""#),
            ("a\nb", #""a\nb""#), ("a\tb\r", #""a\tb\r""#), ("a\u{0}b", #""a\u0000b""#), ("a\u{7f}", #""a\u007f""#),
            ("\u{1b}[31m", #""\u001b[31m""#), ("\u{9b}31m", #""\u009b31m""#), ("a\u{85}b", #""a\u0085b""#),
            ("a\u{2028}b", #""a\u2028b""#), ("a\\b", "a\\b"), ("a \\b", #""a \\b""#), ("ä🔑", "ä🔑"),
            ("a\u{a0}b", "a\u{a0}b"),
        ])
    func values(value: String, text: String) {
        #expect(Self.line(.journal, .info, "x", ["key": "\(value)"]) == "<6>x key=\(text)\n")
    }

    @Test(
        "messages stay as they are, but for what would break the line",
        arguments: [
            ("plain text, with = and \"quotes\"", "plain text, with = and \"quotes\""), ("two\nlines", #"two\nlines"#),
            ("\u{1b}]0;x\u{7}", #"\u001b]0;x\u0007"#), ("c1 \u{9d}x", #"c1 \u009dx"#), ("<1>fake", "<1>fake"),
        ])
    func messages(message: String, text: String) {
        #expect(Self.line(.journal, .info, message) == "<6>\(text)\n")
        #expect(Self.line(.terminal, .info, message) == "\(Self.time) info    \(text)\n")
    }

    static let nasty =
        (0...0x9f).compactMap { Unicode.Scalar($0).map { "a\(Character($0))b" } }
        + ["\r\n", "\u{2028}\u{2029}", "\u{fffd}", "🔑\u{200d}🔑", "\\\"\\", "}\n{\"level\":\"x\"}"]

    @Test("one line each", arguments: [LogFormat.terminal, .journal, .json])
    func oneLine(format: LogFormat) {
        for text in Self.nasty {
            let line = Self.line(
                format, .error, text, ["key": "\(text)", "list": ["\(text)"], "map": ["x": "\(text)"]])
            #expect(line.unicodeScalars.last == "\n")
            let rest = line.unicodeScalars.dropLast()
            let breaking = rest.first {
                $0.properties.generalCategory == .control || ["\u{2028}", "\u{2029}"].contains($0)
            }
            #expect(breaking == nil, "\(text.debugDescription)")
        }
    }

    @Test func jsonIsJSONAndBringsTextsBack() throws {
        for text in Self.nasty {
            let line = Array(Self.line(.json, .warning, text, ["key": "\(text)"]).utf8)
            var members: [String?] = [nil, nil, nil, nil, nil]
            var reader = JSONReader()
            try reader.enterObject(in: line.span)
            while let name = try reader.nextMember(in: line.span) {
                switch name {
                case "time": try reader.readString(into: &members[0], in: line.span)
                case "level": try reader.readString(into: &members[1], in: line.span)
                case "logger": try reader.readString(into: &members[2], in: line.span)
                case "message": try reader.readString(into: &members[3], in: line.span)
                case "key": try reader.readString(into: &members[4], in: line.span)
                default: Issue.record("unknown member")
                }
            }
            #expect(members == [Self.time, "warning", "keyside", text, text])
        }
    }

    @Test func metadataIsInTheOrderOfItsKeys() {
        let metadata: Logger.Metadata = ["b": "2", "c": "3", "a": "1", "d": .stringConvertible(4)]
        #expect(Self.line(.journal, .info, "x", metadata) == "<6>x a=1 b=2 c=3 d=4\n")
    }
}
