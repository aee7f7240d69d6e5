// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Primitives
import TestSupport
import Testing

@Suite struct JSONWriterTests {
    private func text(_ value: some JSONWritable, _ escaping: JSONWriter.Escaping = .plain) -> String {
        String(decoding: JSONWriter.text(value, escaping: escaping), as: UTF8.self)
    }

    @Test("an object with a member of every kind")
    func object() {
        let json = JSONWriter.object(escaping: .plain) { json in
            json.member("text", "a")
            json.member("whole", -7)
            json.member("broken", 0.25)
            json.member("yes", true)
            json.member("no", false)
            json.member("nothing", String?.none)
            json.member("something", Int?(1))
            json.member("list", ["x", "y"])
            json.member("empty list", [Int]())
            json.member("object") { json in
                json.object { json in
                    json.member("lists", [[1], [], [2, 3]])
                    json.member("empty object") { json in json.object { _ in } }
                }
            }
            json.member("prepared", JSONFragment(Array(#"{"a":1}"#.utf8)))
            json.member("last", 0)
        }
        #expect(
            String(decoding: json, as: UTF8.self)
                == #"{"text":"a","whole":-7,"broken":0.25,"yes":true,"no":false,"nothing":null,"something":1,"#
                + #""list":["x","y"],"empty list":[],"object":{"lists":[[1],[],[2,3]],"empty object":{}},"#
                + #""prepared":{"a":1},"last":0}"#
        )
    }

    @Test(
        "strings are escaped as Go does, or as little as JSON allows",
        arguments: [
            ("", #""""#, #""""#),
            ("a/b", #""a/b""#, #""a/b""#),
            ("\"\\", #""\"\\""#, #""\"\\""#),
            ("\u{8}\u{C}\n\r\t", #""\b\f\n\r\t""#, #""\b\f\n\r\t""#),
            ("\0\u{1}\u{1F}\u{7F}", "\"\\u0000\\u0001\\u001f\u{7F}\"", "\"\\u0000\\u0001\\u001f\u{7F}\""),
            ("<a>&", #""\u003ca\u003e\u0026""#, #""<a>&""#),
            ("\u{2028}\u{2029}", #""\u2028\u2029""#, "\"\u{2028}\u{2029}\""),
            ("ä€😀\u{FFFD}", "\"ä€😀\u{FFFD}\"", "\"ä€😀\u{FFFD}\""),
            ("\r\n", #""\r\n""#, #""\r\n""#),
        ]
    )
    func strings(string: String, html: String, plain: String) {
        #expect(self.text(string, .html) == html)
        #expect(self.text(string, .plain) == plain)
    }

    @Test("names are escaped like values")
    func names() {
        let json = JSONWriter.object(escaping: .html) { json in json.member("<\n>", 1) }
        #expect(String(decoding: json, as: UTF8.self) == #"{"\u003c\n\u003e":1}"#)
    }

    @Test(
        "numbers",
        arguments: [
            (0, "0.0"), (-0.5, "-0.5"), (1e300, "1e+300"), (1e-7, "1e-07"), (.infinity, "null"),
            (-.infinity, "null"), (.nan, "null"),
        ] as [(Double, String)]
    )
    func numbers(number: Double, text: String) {
        #expect(self.text(number) == text)
    }

    @Test("what was written is read", arguments: UInt64(1)...50)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let string = String(
            String.UnicodeScalarView(
                (0..<40)
                    .compactMap { _ in
                        Unicode.Scalar(
                            UInt32.random(in: 0...(Bool.random(using: &generator) ? 0x7F : 0x10FFFF), using: &generator)
                        )
                    }
            )
        )
        for escaping in [JSONWriter.Escaping.html, .plain] {
            let json = JSONWriter.object(escaping: escaping) { json in json.member("s", string) }
            var read: String?
            var reader = JSONReader()
            try reader.enterObject(in: json.span)
            while try reader.nextMember(in: json.span) != nil { try reader.readString(into: &read, in: json.span) }
            #expect(read.map { Array($0.utf8) } == Array(string.utf8))
        }
    }

    @Test(
        "bytes that are no UTF-8 become U+FFFD one by one",
        arguments: [
            ([], ""), ([0x61, 0xC3, 0xA4], "aä"), ([0x61, 0xFF, 0x62], "a\u{FFFD}b"),
            ([0xE2, 0x82], "\u{FFFD}\u{FFFD}"), ([0xE2, 0x82, 0xAC], "€"),
            ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"), ([0xF0, 0x9F, 0x98, 0x61], "\u{FFFD}\u{FFFD}\u{FFFD}a"),
            ([0xEF, 0xBF, 0xBD], "\u{FFFD}"),
        ] as [([UInt8], String)]
    )
    func repairing(bytes: [UInt8], text: String) {
        #expect(String(repairing: bytes.span) == text)
    }
}
