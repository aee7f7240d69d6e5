// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import KeyService
import Testing

@Suite struct KESNameTests {
    @Test(
        "names that KES allows",
        arguments: [
            "a", "0", "Z", "my-key", "app_1", "__", "_a", "a_", "a--b", String(repeating: "x", count: 80),
            "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5",
        ]
    )
    func allowed(name: String) throws {
        #expect(try KeyName(kes: Array(name.utf8).span).description == name)
    }

    @Test(
        "names that KES refuses, named as they came",
        arguments: [
            "", "_", "-", "-a", "a-", "ä", "a/b", "a\0b", "a.b", "..", "a b", "a*", "my-key/", "a\n",
            String(repeating: "x", count: 81),
        ]
    )
    func refused(name: String) {
        #expect(
            throws: KESFailure(
                status: 400,
                message: "key name '\(name)' is empty, too long or contains invalid characters"
            )
        ) {
            try KeyName(kes: Array(name.utf8).span)
        }
    }

    @Test("what is no UTF-8 in a name is told as U+FFFD")
    func invalidUTF8() {
        let name: [UInt8] = [0x61, 0xFF, 0xC3, 0x62]
        #expect(
            throws: KESFailure(
                status: 400,
                message: "key name 'a\u{FFFD}\u{FFFD}b' is empty, too long or contains invalid characters"
            )
        ) {
            try KeyName(kes: name.span)
        }
    }

    @Test(
        "patterns name a prefix, with or without a star",
        arguments: [
            ("", ""), ("*", ""), ("a", "a"), ("a*", "a"), ("zzz", "zzz"), ("app-*", "app-"), ("__", "__"), ("_*", "_"),
            (String(repeating: "x", count: 80), String(repeating: "x", count: 80)),
            (String(repeating: "x", count: 79) + "*", String(repeating: "x", count: 79)),
        ]
    )
    func patterns(pattern: String, prefix: String) throws {
        #expect(try KeyListingRequest(kes: Array(pattern.utf8).span) == KeyListingRequest(prefix: prefix))
    }

    @Test(
        "patterns that KES refuses",
        arguments: [
            "_", "-", "-a", "-*", "a-", "a*b", "**", "*a", "a.b", "a/", "ä", String(repeating: "x", count: 81),
        ]
    )
    func refusedPatterns(pattern: String) {
        #expect(
            throws: KESFailure(
                status: 400,
                message: "listing pattern '\(pattern)' is empty, too long or is invalid"
            )
        ) {
            try KeyListingRequest(kes: Array(pattern.utf8).span)
        }
    }
}
