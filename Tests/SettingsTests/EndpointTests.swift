// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Settings

@Suite("Endpoint lists")
struct EndpointTests {
    static let expansions: [(String, [String])] = [
        ("https://kes{1...3}:7373", ["https://kes1:7373", "https://kes2:7373", "https://kes3:7373"]),
        ("https://kes{01...03}.lan", ["https://kes01.lan", "https://kes02.lan", "https://kes03.lan"]),
        ("https://kes{1...03}", ["https://kes01", "https://kes02", "https://kes03"]),
        ("https://kes{01...3}", ["https://kes1", "https://kes2", "https://kes3"]),
        ("https://kes{8...11}", ["https://kes8", "https://kes9", "https://kes10", "https://kes11"]),
        ("https://kes{08...11}", ["https://kes08", "https://kes09", "https://kes10", "https://kes11"]),
        (
            "https://kes{098...102}",
            ["https://kes098", "https://kes099", "https://kes100", "https://kes101", "https://kes102"]
        ),
        ("https://n{9...b}", ["https://n9", "https://na", "https://nb"]),
        ("https://n{09...0b}", ["https://n09", "https://n0a", "https://n0b"]),
        ("https://n{0a...10}", ["https://n0a"]),
        (
            "https://n{10...1f}",
            (10...31).map { "https://n" + String($0, radix: 16) }
        ),
        (
            "https://r{1...2}n{1...3}:7373",
            ["r1n1", "r2n1", "r1n2", "r2n2", "r1n3", "r2n3"].map { "https://\($0):7373" }
        ),
        (
            "https://r{1...2}n{a...b}.x{0...1}",
            ["r1na.x0", "r2na.x0", "r1nb.x0", "r2nb.x0", "r1na.x1", "r2na.x1", "r1nb.x1", "r2nb.x1"]
                .map { "https://\($0)" }
        ),
        ("{1...2}{3...4}", ["13", "23", "14", "24"]),
        ("https://kes{4...4}", ["https://kes4"]),
        ("https://kes{0...0}", ["https://kes0"]),
        ("https://[fd00::{1...3}]:7373", (1...3).map { "https://[fd00::\($0)]:7373" }),
        ("{1...2}.kes", ["1.kes", "2.kes"]),
    ]

    @Test("a pattern names all its combinations, the leftmost range varying fastest", arguments: expansions)
    func patternsExpand(item: String, addresses: [String]) throws {
        #expect(EndpointPattern.isPattern(item))
        #expect(try EndpointPattern(item).expanded(countMax: 1024) == addresses)
    }

    @Test(
        "a malformed pattern is refused with MinIO's words",
        arguments: [
            ("https://kes{3...1}", EndpointPatternError.startAfterEnd(3, 1)),
            ("https://kes{4...02}", .startAfterEnd(4, 2)),
            ("https://kes{...}", .notANumber("")),
            ("https://kes{1...}", .notANumber("")),
            ("https://kes{a...z}", .notANumber("z")),
            ("https://kes{0...18446744073709551616}", .numberTooLarge("18446744073709551616")),
        ]
            + [
                "https://kes{1..3}", "https://kes1...3", "https://kes{1....3}", "https://kes{1...2O}",
                "https://kes{-1...1}", "https://kes{A...C}", "https://{{1...4}}", "https://kes{1...4",
                "https://kes{1...2}{x}",
            ]
            .map { ($0, .format($0)) }
    )
    func patternsFail(item: String, error: EndpointPatternError) {
        #expect(EndpointPattern.isPattern(item))
        #expect(throws: error) { try EndpointPattern(item) }
    }

    @Test("the errors are MinIO's to the letter")
    func errorTexts() throws {
        let environment = try load(["MINIO_KMS_KES_ENDPOINT": "https://a{1..2}, https://a{2...1} ,https://a{z...1}"])
        let texts = environment.messages(.error).prefix(3)
        #expect(
            Array(texts) == [
                "kms: invalid endpoint 'https://a{1..2}': Invalid ellipsis format in (https://a{1..2}), Ellipsis range must"
                    + " be provided in format {N...M} where N and M are positive integers, M must be greater than N, "
                    + " with an allowed minimum range of 4",
                "kms: invalid endpoint 'https://a{2...1}': Incorrect range start 2 cannot be bigger than end 1",
                "kms: invalid endpoint 'https://a{z...1}': strconv.ParseUint: parsing \"z\": invalid syntax",
            ]
        )
        #expect(
            EndpointPatternError.numberTooLarge("9").description
                == "strconv.ParseUint: parsing \"9\": value out of range"
        )
    }

    /// The endpoints of a list, and what is wrong with it.
    private static func read(_ text: String, of variable: KMSVariable = .kesEndpoint) -> ([String], [String]) {
        let list = EndpointList(text, of: variable, at: .variable(variable.rawValue))
        return (list.endpoints.map(\.description), list.diagnostics.map(\.message))
    }

    @Test(
        "a list is split at commas, trimmed, expanded in order, and keeps duplicates",
        arguments: [
            (" https://a:7373 , https://b:7373,", ["https://a:7373", "https://b:7373"]),
            ("https://b{1...2},https://a,https://b1", ["https://b1", "https://b2", "https://a", "https://b1"]),
            ("HTTPS://a:7373/", ["https://a:7373"]),
            ("https://proxy/kes", ["https://proxy/kes"]),
            ("https://[fd00::{1...2}]:7373", ["https://[fd00::1]:7373", "https://[fd00::2]:7373"]),
        ]
    )
    func listsOfKES(text: String, endpoints: [String]) {
        #expect(Self.read(text) == (endpoints, []))
    }

    @Test(
        "a MinIO KMS server is always reached over https, with or without a scheme",
        arguments: [
            ("{1...2}.kms,https://k3:7373", ["https://1.kms", "https://2.kms", "https://k3:7373"]),
            ("http://kms:7373", ["https://kms:7373"]),
            ("http://https://kms", ["https://kms"]),
            ("127.0.0.1:7373", ["https://127.0.0.1:7373"]),
            ("[::1]:7373", ["https://[::1]:7373"]),
        ]
    )
    func listsOfMinKMS(text: String, endpoints: [String]) {
        #expect(Self.read(text, of: .server) == (endpoints, []))
    }

    @Test(
        "a list without endpoints is refused",
        arguments: ["", " ", ",, ,"],
        [
            (KMSVariable.server, "kms: no KMS server endpoint provided"),
            (.kesEndpoint, "kms: no KES server endpoint provided"),
        ]
    )
    func emptyLists(text: String, expected: (variable: KMSVariable, message: String)) {
        #expect(Self.read(text, of: expected.variable) == ([], [expected.message]))
    }

    @Test(
        "an address that no server can have is refused",
        arguments: [
            ("host:7373", "first path segment in URL cannot contain colon"),
            ("host", "the scheme is missing"),
            ("http://host:7373", "KES servers speak TLS only"),
            ("https://", "this is no address of a server"),
            ("https://:7373", "this is no address of a server"),
            ("https://host:0", "this is no address of a server"),
            ("https://host:65536", "this is no address of a server"),
            ("https://host:+1", "this is no address of a server"),
            ("https://host:", "this is no address of a server"),
            ("https://ho st", "this is no address of a server"),
            ("https://[::1", "this is no address of a server"),
            ("https://[::1]7373", "this is no address of a server"),
            ("https://fd00::1", "this is no address of a server"),
            ("https://host/path?query", "this is no address of a server"),
        ]
    )
    func unfitAddresses(item: String, problem: String) {
        #expect(Self.read(item) == ([], ["kms: invalid endpoint '\(item)': \(problem)"]))
    }

    @Test("a list in braces is refused, where MinIO would keep its pieces as they are")
    func bracesAreNoLists() {
        let (endpoints, messages) = Self.read("https://kes{1,3}:7373")
        #expect(endpoints.isEmpty)
        #expect(messages.count == 2)
        #expect(messages.allSatisfy { $0.contains("lists in braces are not supported") })
    }

    @Test("a list names at most 1024 endpoints")
    func listsAreBounded() {
        #expect(Self.read("https://k{1...1024}").0.count == 1024)
        #expect(Self.read("https://k{1...1025}").1.map { $0.hasSuffix("too many endpoints") } == [true])
        #expect(Self.read("https://k{1...1024},https://k").1.map { $0.hasSuffix("too many endpoints") } == [true])
        #expect(Self.read("https://k{0...18446744073709551615}{1...9}").1.count == 1)
    }

    @Test("every item that is wrong is reported once, however much it names")
    func allItemsAreReported() {
        let (endpoints, messages) = Self.read("kes{1...1000}:7373,https://good,https://bad{")
        #expect(endpoints == ["https://good"])
        #expect(messages.count == 2)
    }
}
