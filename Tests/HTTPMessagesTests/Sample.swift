// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Testing

/// Bytes of a connection and what must become of them.
struct Sample: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    /// Nil if all of it is well-formed.
    let error: RequestError?

    private init(_ name: String, _ bytes: [UInt8], _ error: RequestError?) {
        self.testDescription = name
        self.bytes = bytes
        self.error = error
    }

    static func valid(_ name: String, _ text: String) -> Sample { Sample(name, [UInt8](text.utf8), nil) }

    static func refused(_ error: RequestError, _ name: String, _ text: String) -> Sample {
        Sample(name, [UInt8](text.utf8), error)
    }

    static func refused(_ error: RequestError, _ name: String, bytes: [UInt8]) -> Sample { Sample(name, bytes, error) }

    /// A request with one header line of interest.
    private static func refused(_ error: RequestError, line: String) -> Sample {
        .refused(error, line.debugDescription, "POST / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n")
    }

    private static func refused(_ error: RequestError, requestLine: String) -> Sample {
        .refused(error, requestLine.debugDescription, "\(requestLine)\r\nHost: a\r\n\r\n")
    }

    private static func refused(_ error: RequestError, chunks: String) -> Sample {
        .refused(error, chunks.count < 100 ? chunks.debugDescription : "\(chunks.utf8.count) bytes", chunked + chunks)
    }

    static let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    static let all = valid + requestLines + lineEnds + fields + bodyLengths + chunks

    static let valid: [Sample] = [
        .valid("decrypt", "POST /v1/key/decrypt/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"),
        .valid("no body", "GET /version HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"),
        .valid("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"),
        .valid("empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        .valid("host of all kinds", "GET / HTTP/1.1\r\nHost: \t[::1]:7373 \r\n\r\n"),
        .valid("absolute target", "GET HTTP://localhost:7373/version?x#f HTTP/1.1\r\nHost: other\r\n\r\n"),
        .valid("asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        .valid("authority", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"),
        .valid("bytes outside ASCII", "GET /ä HTTP/1.1\r\nHost: a\r\nX: ö\t\u{80}\r\n\r\n"),
        .valid("escaped path", "GET /v1/key/list/a%2Fb%41?x=%zz#f HTTP/1.1\r\nHost: a\r\n\r\n"),
        .valid("path with odd segments", "GET //a/./../b%41\\?q# HTTP/1.1\r\nHost: a\r\n\r\n"),
        .valid("leading zeros", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhello"),
        .valid("names in any case", "POST / HTTP/1.1\r\nhOST: a\r\ncONTENT-lENGTH: 1\r\nX-REQUEST-ID: i\r\n\r\nx"),
        .valid("expects", "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"),
        .valid("chunks", "\(chunked)5\r\nhello\r\n00A;a=b;c=\"d\"\r\n0123456789\r\n0\r\n\r\n"),
        .valid("trailers", "\(chunked)1\r\nx\r\n0;last\r\nContent-Length: 5\r\nHost: b\r\nX:\r\n\r\n"),
        .valid("no chunk", "\(chunked)0\r\n\r\n"),
        .valid("sixteen digits", "\(chunked)0000000000000001\r\nx\r\n0000000000000000\r\n\r\n"),
        .valid("pipelined", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n\(chunked)1\r\nx\r\n0\r\n\r\nGET /b HTTP/1.0\r\n\r\n"),
        .valid("head cut short", "GET / HTTP/1.1\r\nHost: a\r\nX-Long"),
        .valid("body cut short", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n{"),
        .valid("chunk cut short", "\(chunked)7fffffffffffffff\r\n{"),
    ]

    static let requestLines: [Sample] = [
        .refused(.blankLine, "CRLF first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .refused(.blankLine, "LF first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .refused(.blankLine, "CRLF after a body", "\(chunked)0\r\n\r\n\r\n"),
        .refused(.malformedMethod, "TLS", bytes: [0x16, 0x03, 0x01, 0x02, 0x00, 0x01]),
        .refused(.malformedMethod, "UTF-16", bytes: [0xFF, 0xFE, 0x47, 0x00]),
        .refused(.malformedMethod, "JSON", "{\"context\":null}"),
        .refused(.malformedMethod, "method of 33 bytes", String(repeating: "A", count: 33)),
        .refused(.malformedMethod, "method alone", "GET\r\n"),
        .refused(.malformedMethod, requestLine: " GET / HTTP/1.1"),
        .refused(.malformedMethod, requestLine: "GET\t/ HTTP/1.1"),
        .refused(.malformedMethod, requestLine: "G(T / HTTP/1.1"),
        .refused(.malformedMethod, requestLine: "GET\u{0}/ HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET  / HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET /\t HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET /\u{0} HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET /\u{7F} HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET version HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET * HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "OPTIONS ** HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "CONNECT /version HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "CONNECT user@host:1 HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET host:443 HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET ftp://host/ HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET http:/host/ HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET http:// HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET http:///version HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET http://user@host/ HTTP/1.1"),
        .refused(.malformedTarget, requestLine: "GET http://host\\/ HTTP/1.1"),
        .refused(.malformedVersion, requestLine: "GET /"),
        .refused(.malformedVersion, requestLine: "GET / "),
        .refused(.malformedVersion, requestLine: "GET / HTTP/1.1 "),
        .refused(.malformedVersion, requestLine: "GET /  HTTP/1.1"),
        .refused(.malformedVersion, requestLine: "GET /a b HTTP/1.1"),
        .refused(.malformedVersion, requestLine: "GET / http/1.1"),
        .refused(.malformedVersion, requestLine: "GET / HTTP/1.10"),
        .refused(.malformedVersion, requestLine: "GET / HTTP/1"),
        .refused(.malformedVersion, requestLine: "GET / HTTP/1,1"),
        .refused(.malformedVersion, requestLine: "GET / HTTP/x.1"),
        .refused(.malformedVersion, requestLine: "GET / HTTP/1.x"),
        .refused(.malformedVersion, requestLine: "GET / HTTPS1.1"),
        .refused(.unsupportedVersion, requestLine: "GET / HTTP/0.9"),
        .refused(.unsupportedVersion, requestLine: "GET / HTTP/1.2"),
        .refused(.unsupportedVersion, requestLine: "GET / HTTP/2.0"),
        .refused(.unsupportedVersion, requestLine: "GET / HTTP/3.0"),
        .refused(.unsupportedVersion, "preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ]

    static let lineEnds: [Sample] = [
        .refused(.bareLineFeed, "LF after the version", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
        .refused(.bareLineFeed, "LF after the target", "GET /\nHost: a\r\n\r\n"),
        .refused(.bareLineFeed, "LF after a header", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
        .refused(.bareLineFeed, "LF after a name", "GET / HTTP/1.1\r\nHost\n\r\n"),
        .refused(.bareLineFeed, "LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
        .refused(.bareCarriageReturn, "CR in a header", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"),
        .refused(.bareCarriageReturn, "CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
        .refused(.bareCarriageReturn, "CR in the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\rX"),
        .refused(.bareCarriageReturn, chunks: "1\rx"),
        .refused(.bareCarriageReturn, chunks: "1;a\rx"),
        .refused(.bareCarriageReturn, chunks: "1\r\nx\rx"),
        .refused(.bareLineFeed, chunks: "1\nx\r\n0\r\n\r\n"),
        .refused(.bareLineFeed, chunks: "1;a\nx\r\n0\r\n\r\n"),
        .refused(.bareLineFeed, chunks: "1\r\nx\n0\r\n\r\n"),
        .refused(.bareLineFeed, chunks: "0\r\n\n"),
        .refused(.bareLineFeed, chunks: "0\r\na: b\n"),
    ]

    static let fields: [Sample] = [
        .refused(.foldedField, line: "X: a\r\n b"),
        .refused(.foldedField, line: "X: a\r\n\tb"),
        .refused(.foldedField, "fold first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        .refused(.malformedFieldName, line: "Content-Length : 5"),
        .refused(.malformedFieldName, line: "Content-Length\t: 5"),
        .refused(.malformedFieldName, line: "Content Length: 5"),
        .refused(.malformedFieldName, line: "Content-Length"),
        .refused(.malformedFieldName, line: ": 5"),
        .refused(.malformedFieldName, line: "(X): 5"),
        .refused(.malformedFieldName, line: "X\u{0}: 5"),
        .refused(.malformedFieldName, line: "ä: 5"),
        .refused(.malformedFieldValue, line: "X: \u{0}"),
        .refused(.malformedFieldValue, line: "X: a\u{B}b"),
        .refused(.malformedFieldValue, line: "X: \u{7F}"),
        .refused(.malformedFieldValue, line: "Transfer-Encoding: chunked\u{C}"),
        .refused(.missingHost, "no Host", "GET / HTTP/1.1\r\nX: a\r\n\r\n"),
        .refused(.missingHost, "no header", "GET / HTTP/1.1\r\n\r\n"),
        .refused(.repeatedHost, line: "Host: a"),
        .refused(.repeatedHost, "two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n"),
        .refused(.malformedHost, "Host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        .refused(.malformedHost, "Host with user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
        .refused(.malformedHost, "Host with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        .refused(.malformedHost, "Host outside ASCII", "GET / HTTP/1.1\r\nHost: ä\r\n\r\n"),
    ]

    static let bodyLengths: [Sample] =
        ["", "+5", "-5", "0x5", "5, 5", "5,", "5 5", "5.0", "1e1", "５", "\"5\""]
        .map {
            .refused(.malformedContentLength, line: "Content-Length: \($0)")
        }
        + ["9223372036854775808", "18446744073709551617", "99999999999999999999999999"]
        .map {
            .refused(.malformedContentLength, line: "Content-Length: \($0)")
        }
        + [
            "", "gzip", "identity", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,", "chunked;q=1",
            "xchunked", "\"chunked\"", "chunked\r\nTransfer-Encoding: chunked",
        ]
        .map {
            .refused(.unsupportedTransferEncoding, line: "Transfer-Encoding: \($0)")
        } + [
            .refused(.repeatedContentLength, line: "Content-Length: 5\r\nContent-Length: 5"),
            .refused(.repeatedContentLength, line: "Content-Length: 5\r\ncontent-length: 6"),
            .refused(.contentLengthWithTransferEncoding, line: "Content-Length: 5\r\nTransfer-Encoding: chunked"),
            .refused(.contentLengthWithTransferEncoding, line: "Transfer-Encoding: chunked\r\nContent-Length: 5"),
            .refused(.contentLengthWithTransferEncoding, line: "Content-Length: 5\r\nTransfer-Encoding: identity"),
            .refused(
                .transferEncodingInHTTP10,
                "chunked in HTTP/1.0",
                "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ]

    static let chunks: [Sample] =
        ["\r\n", ";a\r\n", " 5\r\n", "5 \r\n", "5 ;a\r\n", "+5\r\n", "-5\r\n", "0x5\r\n", "g\r\n", "5\u{0}\r\n"]
        .map {
            .refused(.malformedChunkSize, chunks: $0)
        } + [
            .refused(.malformedChunkSize, chunks: "00000000000000005"),
            .refused(.malformedChunkSize, chunks: "8000000000000000\r\n"),
            .refused(.malformedChunkSize, chunks: "ffffffffffffffff;a\r\n"),
            .refused(.malformedChunkSize, chunks: "5;a\u{0}b\r\n"),
            .refused(.chunkExtensionsTooLong, chunks: "5;\(String(repeating: "a", count: 4_096))\u{0}"),
            .refused(.unterminatedChunk, chunks: "5\r\nhello0\r\n\r\n"),
            .refused(.unterminatedChunk, chunks: "5\r\nhello!"),
            .refused(.foldedField, chunks: "0\r\nX: a\r\n b\r\n\r\n"),
            .refused(.malformedFieldName, chunks: "0\r\nX : a\r\n\r\n"),
            .refused(.malformedFieldName, chunks: "0\r\nGET / HTTP/1.1\r\n\r\n"),
            .refused(.malformedFieldValue, chunks: "0\r\nX: \u{1}\r\n\r\n"),
        ]
}
