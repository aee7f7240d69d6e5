// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import LockedMemory
import Primitives
import TestSupport
import Testing

@Suite struct JSONReaderTests {
    /// What a decoder of ours looks like, one member of each kind.
    struct Sample: Equatable {
        var text: String?
        var bytes: [UInt8]?
        var number: Int?
        var flag: Bool?
        var names: [String] = []

        init(text: String? = nil, bytes: [UInt8]? = nil, number: Int? = nil, flag: Bool? = nil, names: [String] = []) {
            self.text = text
            self.bytes = bytes
            self.number = number
            self.flag = flag
            self.names = names
        }

        init(decoding json: [UInt8]) throws(JSONError) {
            let json = json.span
            var reader = JSONReader()
            try reader.enterObject(in: json)
            while let name = try reader.nextMember(in: json) {
                switch name {
                case "text": try reader.readString(into: &self.text, in: json)
                case "bytes": try reader.readBase64(into: &self.bytes, in: json)
                case "number": try reader.readInteger(into: &self.number, in: json)
                case "flag": try reader.readBoolean(into: &self.flag, in: json)
                case "names":
                    try reader.enterArray(in: json)
                    while try reader.nextElement(in: json) {
                        var name: String?
                        try reader.readString(into: &name, in: json)
                        self.names.append(name ?? "-")
                    }
                default: try reader.skipValue(in: json)
                }
            }
        }
    }

    @Test(
        "valid texts give their values",
        arguments: [
            ("{}", Sample()),
            (" \t\r\n{ } ", Sample()),
            ("null", Sample()),
            (
                #"{"text":"a","bytes":"AAE=","number":7,"flag":true,"names":["x","y"]}"#,
                Sample(text: "a", bytes: [0, 1], number: 7, flag: true, names: ["x", "y"])
            ),
            (#"{"names":[],"flag":false}"#, Sample(flag: false)),
            (#"{"names":[null,""]}"#, Sample(names: ["-", ""])),
            (#"{"text":null,"bytes":null,"number":null,"flag":null,"names":null}"#, Sample()),
            (#"{"text":null,"text":"a"}"#, Sample(text: "a")),
            (#"{"TEXT":"a"}"#, Sample(text: "a")),
            (#"{"t\u0045\u0078t":"a"}"#, Sample(text: "a")),
            (#"{"other":{"text":[1,{"text":"b"}]},"text":"a"}"#, Sample(text: "a")),
            (#"{"text":"a"}} junk "#, Sample(text: "a")),
            (#"{"text":"\"\\\/\b\f\n\r\t\u0000\u00e4\u20AC\ud83d\ude00"}"#, Sample(text: "\"\\/\u{8}\u{C}\n\r\t\0ä€😀")),
            ("{\"text\":\"ä€😀\u{7F}\"}", Sample(text: "ä€😀\u{7F}")),
            (#"{"bytes":"\/\/8="}"#, Sample(bytes: [255, 255])),
            (#"{"bytes":"//8\n="}"#, Sample(bytes: [255, 255])),
            (#"{"bytes":""}"#, Sample(bytes: [])),
            (#"{"number":-0}"#, Sample(number: 0)),
            (#"{"number":9223372036854775807}"#, Sample(number: .max)),
            (#"{"a":-0.5e+10,"b":1E9,"c":1e-1,"d":99999999999999999999,"number":1}"#, Sample(number: 1)),
        ]
    )
    func validTextsGiveTheirValues(json: String, sample: Sample) throws {
        #expect(try Sample(decoding: Array(json.utf8)) == sample)
    }

    @Test(
        "everything else is an error that says where and what",
        arguments: [
            ("", 0, .object),
            ("   ", 3, .object),
            ("[]", 0, .object),
            (#""x""#, 0, .object),
            ("nul", 0, .object),
            ("\u{FEFF}{}", 0, .object),
            ("{", 1, .name),
            ("{'text':1}", 1, .name),
            ("{,}", 1, .name),
            (#"{"text":"a",}"#, 12, .name),
            (#"{"text" "a"}"#, 8, .colon),
            (#"{"text":"a" "flag":true}"#, 12, .commaOrEnd),
            (#"{"text":"a"]"#, 11, .commaOrEnd),
            (#"{"text":5}"#, 8, .string),
            (#"{"text":nothing}"#, 8, .string),
            (#"{"text":"a"#, 10, .stringByte),
            (#"{"text":"\"#, 9, .stringByte),
            (#"{"text":"\x"}"#, 9, .stringByte),
            (#"{"text":"\u12g4"}"#, 9, .stringByte),
            (#"{"text":"\u+123"}"#, 9, .stringByte),
            (#"{"text":"\ud800"}"#, 9, .stringByte),
            (#"{"text":"\ud800\ud800"}"#, 9, .stringByte),
            (#"{"text":"\ude00"}"#, 9, .stringByte),
            (#"{"text":"\ude00\ude00"}"#, 9, .stringByte),
            ("{\"text\":\"a\nb\"}", 10, .stringByte),
            (#"{"text":"a","Text":"b"}"#, 19, .once),
            (#"{"text":"a","text":null}"#, 19, .once),
            (#"{"bytes":"","bytes":""}"#, 20, .once),
            (#"{"bytes":"e30"}"#, 10, .base64),
            (#"{"bytes":"e3_="}"#, 10, .base64),
            (#"{"bytes":[1]}"#, 9, .string),
            (#"{"flag":1}"#, 8, .boolean),
            (#"{"flag":tru}"#, 8, .boolean),
            (#"{"number":"1"}"#, 10, .integer),
            (#"{"number":1.0}"#, 13, .integer),
            (#"{"number":9223372036854775808}"#, 29, .integer),
            (#"{"names":{}}"#, 9, .array),
            (#"{"names":["a",]}"#, 14, .string),
            (#"{"names":["a" "b"]}"#, 14, .commaOrEnd),
            (#"{"x":}"#, 5, .value),
            (#"{"x":True}"#, 5, .value),
            (#"{"x":01}"#, 5, .value),
            (#"{"x":-}"#, 6, .value),
            (#"{"x":.5}"#, 5, .value),
            (#"{"x":1.}"#, 7, .value),
            (#"{"x":1e}"#, 7, .value),
            (#"{"x":+1}"#, 5, .value),
            (#"{"x":NaN}"#, 5, .value),
            (#"{"x":[1,]}"#, 8, .value),
            (#"{"x":{"y":1,}}"#, 12, .name),
            (#"{"x":[1}}"#, 7, .commaOrEnd),
            (#"{"x":/**/1}"#, 5, .value),
        ] as [(String, Int, JSONError.Expectation)]
    )
    func everythingElseIsAnError(json: String, offset: Int, expected: JSONError.Expectation) {
        #expect(throws: JSONError.malformed(offset: offset, expected: expected)) {
            try Sample(decoding: Array(json.utf8))
        }
    }

    @Test(
        "invalid UTF-8 is refused in values, names and skipped values",
        arguments: [
            [0x80], [0xFF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE2, 0x82],
            [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
            [0xF0, 0x9F, 0x98],
        ] as [[UInt8]]
    )
    func invalidUTF8IsRefused(bytes: [UInt8]) {
        for (before, after) in [(#"{"text":""#, #""}"#), (#"{""#, #"":1}"#), (#"{"x":[""#, #""]}"#)] {
            #expect(throws: JSONError.malformed(offset: before.utf8.count, expected: .stringByte)) {
                try Sample(decoding: Array(before.utf8) + bytes + Array(after.utf8))
            }
        }
    }

    @Test("a text cut short anywhere is an error")
    func cutShort() throws {
        let json = Array(#"{"text":"\ud83d\ude00ä","x":{"y":[null,-1.5e3,{}]},"bytes":"AAE=","number":7}"#.utf8)
        _ = try Sample(decoding: json)
        for count in json.indices {
            #expect(throws: JSONError.self) { try Sample(decoding: Array(json[..<count])) }
        }
    }

    @Test("512 levels are read, one more is not, and neither takes stack")
    func nesting() throws {
        func nested(_ levels: Int, _ open: String, _ close: String) -> [UInt8] {
            let inner = levels - 1
            return Array(
                (#"{"x":"# + String(repeating: open, count: inner) + "1" + String(repeating: close, count: inner) + "}")
                    .utf8
            )
        }
        for (open, close) in [("[", "]"), (#"{"x":"#, "}")] {
            #expect(try Sample(decoding: nested(512, open, close)) == Sample())
            #expect(throws: JSONError.malformed(offset: 5 + 511 * open.utf8.count + 1, expected: .fewerLevels)) {
                try Sample(decoding: nested(513, open, close))
            }
            #expect(throws: JSONError.self) { try Sample(decoding: nested(10_000, open, close)) }
        }
    }

    @Test("a mixed nesting closes each level with its own bracket")
    func mixedNesting() throws {
        #expect(try Sample(decoding: Array(#"{"x":[{"a":[[{}],{"b":[]}]},[]],"number":1}"#.utf8)).number == 1)
        #expect(throws: JSONError.self) { try Sample(decoding: Array(#"{"x":[{"a":[[{}],{"b":[}]}]},[]]}"#.utf8)) }
    }

    @Test(
        "a secret arrives in locked memory, whatever its spelling",
        arguments: [
            (#"{"key":"QEFCQ0Q="}"#, [0x40, 0x41, 0x42, 0x43, 0x44]),
            (#"{"key":"\u0051EF\u0043Q0Q\u003d"}"#, [0x40, 0x41, 0x42, 0x43, 0x44]),
            (#"{"key":"\/\/8\n="}"#, [0xFF, 0xFF]),
            (#"{"key":""}"#, []),
            (#"{"key":null}"#, nil),
        ] as [(String, [UInt8]?)]
    )
    func secrets(json: String, bytes: [UInt8]?) throws {
        let memory = try SecretMemory(slotCount: 8, allowUnlocked: true)
        do {
            let secret = try Self.readSecret(Array(json.utf8), memory)
            #expect(Self.copy(secret) == bytes)
        }
        #expect(memory.slotsInUse == 0)
    }

    @Test("a secret that is no base64, stands twice or finds no room is an error")
    func secretErrors() throws {
        let memory = try SecretMemory(slotCount: 2, allowUnlocked: true)
        for (json, offset, expected) in [
            (#"{"key":"e3_="}"#, 8, JSONError.Expectation.base64),
            (#"{"key":"e3\u005f="}"#, 8, .base64),
            (#"{"key":"e30=","KEY":"e30="}"#, 20, .once),
            (#"{"key":"e30"#, 11, .stringByte),
        ] {
            #expect(throws: JSONError.malformed(offset: offset, expected: expected)) {
                _ = try Self.readSecret(Array(json.utf8), memory)
            }
        }
        let taken = try Secret(byteCount: 1, in: memory)
        let alsoTaken = try Secret(byteCount: 1, in: memory)
        #expect(throws: JSONError.memory(.exhausted)) {
            _ = try Self.readSecret(Array(#"{"key":"e30="}"#.utf8), memory)
        }
        _ = consume taken
        _ = consume alsoTaken
        #expect(memory.slotsInUse == 0)
    }

    private static func readSecret(_ json: [UInt8], _ memory: SecretMemory) throws(JSONError) -> Secret? {
        var key: Secret?
        var reader = JSONReader()
        try reader.enterObject(in: json.span)
        while let name = try reader.nextMember(in: json.span) {
            switch name {
            case "key": try reader.readBase64(into: &key, memory: memory, in: json.span)
            default: try reader.skipValue(in: json.span)
            }
        }
        return key
    }

    private static func copy(_ secret: consuming Secret?) -> [UInt8]? {
        guard let secret else { return nil }
        return secret.array
    }

    @Test("arrays of strings, whole values and strings of no interest")
    func otherAccessors() throws {
        let json = Array(#"{"v":"x","list":["a",null,"\u0062"],"any": {"a":[1, "}"]} ,"v":null,"nil":null}"#.utf8).span
        var list: [String]?
        var fragment: JSONFragment?
        var nothing: JSONFragment?
        var reader = JSONReader()
        try reader.enterObject(in: json)
        while let name = try reader.nextMember(in: json) {
            switch name {
            case "list": try reader.readStrings(into: &list, in: json)
            case "any": try reader.readFragment(into: &fragment, in: json)
            case "nil": try reader.readFragment(into: &nothing, in: json)
            default: try reader.skipString(in: json)
            }
        }
        #expect(list == ["a", "b"])
        #expect(fragment == JSONFragment(Array(#"{"a":[1, "}"]}"#.utf8)))
        #expect(nothing == nil)
    }

    @Test("a name is a name only as a whole, up to 23 bytes")
    func names() throws {
        func name(_ text: String) throws -> JSONName? {
            let json = Array("{\"\(text)\":1}".utf8)
            var reader = JSONReader()
            try reader.enterObject(in: json.span)
            return try reader.nextMember(in: json.span)
        }
        #expect(try name("ConText") == "context")
        #expect(try name("context2") != "context")
        #expect(try name("contex") != "context")
        #expect(try name(#"\u0000context"#) != "context")
        #expect(try name(#"context\u0000"#) != "context")
        #expect(try name("") == "")
        #expect(try name(#"\u0000"#) != "")
        #expect(try name("abcdefghijklmnopqrstuvw") == "abcdefghijklmnopqrstuvw")
        #expect(try name("abcdefghijklmnopqrstuvwx") != "abcdefghijklmnopqrstuvw")
        #expect(try name("[") != "{")
        #expect(try name("@") != "`")
    }

    @Test("nothing that bytes at random do ends otherwise than in values or an error", arguments: UInt64(1)...200)
    func randomBytes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let valid = Array(
            #"{"text":"\ud83d\ude00ä","x":{"y":[null,-1.5e3,{}]},"bytes":"AAE=","number":7,"names":[]}"#.utf8
        )
        let marks = Array(#"{}[]",:\u0eE+-.ntf "#.utf8)
        for _ in 0..<200 {
            var json = valid
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let index = json.indices.randomElement(using: &generator) ?? 0
                switch UInt8.random(in: 0...3, using: &generator) {
                case 0: json[index] = UInt8(truncatingIfNeeded: generator.next())
                case 1: json[index] = marks.randomElement(using: &generator) ?? 0
                case 2: json.remove(at: index)
                default: json.insert(contentsOf: json[index...].prefix(9), at: index)
                }
            }
            do throws(JSONError) {
                _ = try Sample(decoding: json)
            } catch {
                guard case .malformed(let offset, _) = error else {
                    Issue.record("seed \(seed): \(error)")
                    return
                }
                #expect(offset <= json.count, "seed \(seed): \(json)")
            }
        }
    }
}
