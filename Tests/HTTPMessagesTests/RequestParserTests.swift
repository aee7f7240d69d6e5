// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Testing

@Suite struct RequestParserTests {
    @Test(arguments: Sample.all)
    func everySampleIsReadOrRefusedAsItShould(sample: Sample) {
        let transcript = Transcript(of: sample.bytes)
        #expect(transcript.error == sample.error)
        #expect(transcript.violation == nil)
    }

    @Test func aHeadSaysWhatAServerOfKeysMustKnow() throws {
        let head = try Self.head(
            """
            POST /v1/key/generate/k?x=1 HTTP/1.1\r
            Host: localhost\r
            User-Agent: Go-http-client/1.1\r
            Content-Length: 13\r
            Content-Type: application/json\r
            Expect: 100-continue\r
            X-Request-Id: 4711-abc\r
            \r\n
            """
        )
        #expect(head.method == .post)
        #expect(head.target == [UInt8]("/v1/key/generate/k?x=1".utf8))
        #expect(head.version == .http11)
        #expect(head.framing == .length(13))
        #expect(head.keepsAlive)
        #expect(head.expectation == .continue)
        #expect(head.requestID == [UInt8]("4711-abc".utf8))
    }

    @Test(
        arguments: [
            ("GET", .get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
            ("OPTIONS", .options), ("PATCH", .other([UInt8]("PATCH".utf8))), ("get", .other([UInt8]("get".utf8))),
            ("!#$%&'*+-.^_`|~09azAZ", .other([UInt8]("!#$%&'*+-.^_`|~09azAZ".utf8))),
        ] as [(String, RequestMethod)]
    )
    func methodsKeepTheirName(name: String, method: RequestMethod) throws {
        let head = try Self.head("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(head.method == method)
        #expect(head.method.name == name)
    }

    @Test func theSameBytesAreTheSameObject() throws {
        func heads(_ texts: String...) -> [RequestHead] {
            Transcript(of: [UInt8](texts.joined().utf8)).events
                .compactMap { if case .head(let head) = $0 { head } else { nil } }
        }
        let get = "GET /a HTTP/1.1\r\nHost: b\r\n\r\n"
        let post = "POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\n"
        let alike = heads(post + "12", post + "34", get, get)
        try #require(alike.count == 4)
        #expect(alike[0] === alike[1] && alike[2] === alike[3])
        #expect(alike[1] !== alike[2])
        let others = heads(get, "GET /a HTTP/1.1\r\nHost: c\r\n\r\n", get)
        try #require(others.count == 3)
        #expect(others[0] !== others[1] && others[1] !== others[2])
    }

    @Test func everyByteIsWhereTheStandardAllowsIt() {
        let token = Set("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        let host = token.subtracting("#^`|".utf8).union("(),;=:[]".utf8)
        let visible = Set(UInt8(0x21)...0x7E).union(0x80...0xFF)
        func accepted(_ before: String, _ after: String) -> Set<UInt8> {
            Set((0...255).filter { Transcript(of: before.utf8 + [$0] + after.utf8).error == nil })
        }
        #expect(accepted("G", "T / HTTP/1.1\r\nHost: a\r\n\r\n") == token)
        #expect(accepted("GET /", " HTTP/1.1\r\nHost: a\r\n\r\n") == visible)
        #expect(accepted("GET / HTTP/1.1\r\nHost: a\r\nX", "Y: a\r\n\r\n") == token.union([0x3A]))
        #expect(accepted("GET / HTTP/1.1\r\nHost: a", "b\r\n\r\n") == host)
        #expect(accepted("GET / HTTP/1.1\r\nHost: a\r\nX: a", "b\r\n\r\n") == visible.union([0x09, 0x20]))
    }

    @Test(
        arguments: [
            ("GET", "/a/%2F?q#f", "/a/%2F?q#f"),
            ("GET", "http://host:7373/a?q", "/a?q"),
            ("GET", "HTTPS://[::1]:7373/", "/"),
            ("GET", "http://host", "/"),
            ("GET", "http://host?q", "/?q"),
            ("OPTIONS", "http://host#f", "/#f"),
            ("OPTIONS", "*", "*"),
            ("CONNECT", "host:443", "host:443"),
        ]
    )
    func targetsAreReducedToThePath(method: String, target: String, expected: String) throws {
        let head = try Self.head("\(method) \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(String(decoding: head.target, as: UTF8.self) == expected)
    }

    @Test(
        arguments: [
            ("HTTP/1.1", "", true),
            ("HTTP/1.1", "Connection: keep-alive\r\n", true),
            ("HTTP/1.1", "Connection: closed, not-close\r\n", true),
            ("HTTP/1.1", "Connection:\r\n", true),
            ("HTTP/1.1", "Connection: close\r\n", false),
            ("HTTP/1.1", "connection: CLOSE\r\n", false),
            ("HTTP/1.1", "Connection: te ,\tClose\t, x\r\n", false),
            ("HTTP/1.1", "Connection: ,,close\r\n", false),
            ("HTTP/1.1", "Connection: close\r\nConnection: keep-alive\r\n", false),
            ("HTTP/1.0", "", false),
            ("HTTP/1.0", "Connection: keep-alive\r\n", false),
        ]
    )
    func aConnectionIsKeptUnlessOneSideCannotOrWillNot(version: String, line: String, isKept: Bool) throws {
        #expect(try Self.head("GET / \(version)\r\nHost: a\r\n\(line)\r\n").keepsAlive == isKept)
    }

    @Test(
        arguments: [
            ("HTTP/1.1", "Content-Length: 1\r\nExpect: 100-CONTINUE\r\n", .continue),
            ("HTTP/1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", .continue),
            ("HTTP/1.1", "Expect: 100-continue\r\n", .none),
            ("HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n", .none),
            ("HTTP/1.1", "Expect: 100-continues\r\nContent-Length: 1\r\n", .unknown),
            ("HTTP/1.1", "Expect: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n", .unknown),
            ("HTTP/1.1", "Expect: 100-continue\r\nExpect: x\r\n", .unknown),
            ("HTTP/1.1", "Expect:\r\n", .unknown),
            ("HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n", .none),
            ("HTTP/1.0", "Expect: x\r\n", .none),
        ] as [(String, String, RequestHead.Expectation)]
    )
    func expectationsCountWhereThereIsABodyToWaitFor(
        version: String,
        lines: String,
        expected: RequestHead.Expectation
    ) throws {
        #expect(try Self.head("PUT / \(version)\r\nHost: a\r\n\(lines)\r\n").expectation == expected)
    }

    @Test(
        arguments: [
            ("a", true), ("~!#[]{}|<>'", true), (String(repeating: "x", count: 64), true),
            (String(repeating: "x", count: 65), false), ("", false), ("a b", false), ("a\tb", false),
            ("a\"b", false), ("a\\b", false), ("ä", false),
        ]
    )
    func aRequestIDIsTakenOnlyIfItCanBeSentBackAsItIs(value: String, isTaken: Bool) throws {
        let head = try Self.head("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: \(value)\r\n\r\n")
        #expect(head.requestID == (isTaken ? [UInt8](value.utf8) : nil))
    }

    @Test func aHeadMayHaveOneMebibyteAndNotAByteMore() {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        let end = "\r\n\r\n"
        func request(_ byteCount: Int) -> [UInt8] {
            let padding = byteCount - start.utf8.count - end.utf8.count
            return [UInt8](start.utf8) + [UInt8](repeating: 0x61, count: padding) + [UInt8](end.utf8)
        }
        let largest = Transcript(of: request(RequestParser.headByteCountMax))
        #expect(largest.error == nil)
        #expect(largest.events.last == .end)
        #expect(Transcript(of: request(RequestParser.headByteCountMax + 1)).error == .headTooLarge)
    }

    @Test(arguments: [Transcript.Segmentation.whole, .pieces(65_536), .pieces(4_099)])
    func noByteBehindTheLargestHeadIsLookedAt(segmentation: Transcript.Segmentation) {
        let start = [UInt8]("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8)
        let padding = [UInt8](repeating: 0x61, count: RequestParser.headByteCountMax - start.count)
        #expect(Transcript(of: start + padding, cut: segmentation).error == .headTooLarge, "no more could complete it")
        #expect(Transcript(of: start + padding + [0], cut: segmentation).error == .headTooLarge)
        #expect(Transcript(of: start + padding.dropLast() + [0], cut: segmentation).error == .malformedFieldValue)
    }

    @Test func theBoundOfTheHeadIsNotTheBodys() {
        let start = Sample.chunked.dropLast() + "X: "  // CR LF is one Character
        let padding = String(repeating: "a", count: RequestParser.headByteCountMax - start.utf8.count - 4)
        let bytes = [UInt8]("\(start)\(padding)\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n".utf8)
        #expect(Transcript(of: bytes).events.last == .end)
    }

    @Test(arguments: ["GET ", "GET /", "GET / HTTP/1.1\r\n", ""])
    func aLongHeadIsRefusedWhereverItsLengthLies(start: String) {
        let isMethod = start.isEmpty
        let line = "X: \(String(repeating: "y", count: 1_000))\r\n"
        let filler = start.hasSuffix("\n") ? line : String(repeating: "a", count: 1_000)
        let bytes = [UInt8]((start + String(repeating: filler, count: 1_100)).utf8)
        #expect(Transcript(of: bytes).error == (isMethod ? .malformedMethod : .headTooLarge))
        #expect(Transcript(of: bytes, cut: .pieces(4_099)).error == (isMethod ? .malformedMethod : .headTooLarge))
    }

    @Test func aBadByteIsRefusedBeforeItsLineIsComplete() {
        for unfinished in [
            "G\u{0}", "GET /\u{1}", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost : ", "GET / HTTP/1.1\r\n X",
            "GET / HTTP/1.1\r\nHost: a\u{0}", "GET / HTTP/1.1\r\nHost: a\rX", "\(Sample.chunked)1\r\nxy",
            "\(Sample.chunked)x",
        ] {
            #expect(Transcript(of: [UInt8](unfinished.utf8)).error != nil, "\(unfinished.debugDescription)")
        }
    }

    @Test func theStageTellsWhatIsWaitedFor() {
        let request = [UInt8]("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}".utf8)
        let bodyStart = request.count - 2
        for count in 0...request.count {
            let expected: RequestParser.Stage =
                switch count {
                case 0, request.count: .betweenRequests
                case 1..<bodyStart: .inHead
                default: .inBody
                }
            #expect(Transcript(of: [UInt8](request[..<count])).stage == expected, "after \(count) bytes")
        }
        #expect(Transcript(of: [0]).stage == .refused)
    }

    @Test func nothingIsReadOutOfTheBytesAfterARefusal() {
        var parser = RequestParser()
        var position = 0
        let bad: [UInt8] = [0]
        #expect(throws: RequestError.malformedMethod) { try parser.next(bad.span, consumed: &position) }
        let good = [UInt8]("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        #expect(throws: RequestError.malformedMethod) { try parser.next(good.span, consumed: &position) }
        #expect(position == 0)
    }

    @Test(arguments: RequestError.allCases)
    func everyRefusalHasAStatusAndAMessageThatNeedsNoEscaping(error: RequestError) {
        let status: ResponseStatus =
            switch error {
            case .headTooLarge, .trailersTooLarge: .requestHeaderFieldsTooLarge
            case .unsupportedTransferEncoding: .notImplemented
            case .unsupportedVersion: .httpVersionNotSupported
            default: .badRequest
            }
        #expect(error.status == status)
        #expect(!error.message.isEmpty)
        #expect(error.message.utf8.allSatisfy { 0x20...0x7E ~= $0 && $0 != 0x22 && $0 != 0x5C })
        #expect(RequestError.allCases.filter { $0.message == error.message } == [error])
    }

    @Test func everyRefusalHasASample() {
        let tooLongForTheTable: Set<RequestError> = [.headTooLarge, .trailersTooLarge]
        let ofThePathAlone: Set<RequestError> = [.malformedPercentEncoding]
        let expected = Set(RequestError.allCases).subtracting(tooLongForTheTable).subtracting(ofThePathAlone)
        #expect(Set(Sample.all.compactMap(\.error)) == expected)
    }

    private static func head(_ text: String) throws -> RequestHead {
        let first = Transcript(of: [UInt8](text.utf8)).events.first
        guard case .head(let head) = first else { throw NoHead() }
        return head
    }

    private struct NoHead: Error {}
}
