// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Testing

@Suite struct ResponseHeadTests {
    static let date = HTTPDate(secondsSinceEpoch: 1_795_475_640)

    @Test(arguments: [
        (RequestID.offered(Array("4711-abc".utf8)), "4711-abc"),
        (.numbered(process: 0x12ab, connection: 1, request: 0), "00000000000012ab-1-0"),
        (.numbered(process: .max, connection: 99_999_999, request: 100_000_000), "ffffffffffffffff-99999999-100000000"),
        (.numbered(process: 0, connection: 1_000_000_007, request: 10), "0000000000000000-1000000007-10"),
        (.numbered(process: 0, connection: 0, request: .max), "0000000000000000-0-9223372036854775807"),
    ])
    func aRequestIsNamed(id: RequestID, text: String) {
        var head = ResponseHead(.ok, contentLength: 0)
        head.requestID = id
        #expect(Self.text(of: head).contains("\r\nX-Request-Id: \(text)\r\n"))
        #expect(id.description == text)
    }

    /// Clocks may go back between two readings.
    @Test(arguments: [(-1, "0"), (Int.min, "0"), (0, "0"), (7, "7")])
    func aNegativeAgeCountsAsNone(age: Int, text: String) {
        var head = ResponseHead(.ok, contentLength: 0)
        head.age = age
        #expect(Self.text(of: head).contains("\r\nAge: \(text)\r\n"))
    }

    @Test func anAnswerHasItsFieldsInOrder() {
        let head = ResponseHead(
            .methodNotAllowed,
            contentType: "application/json",
            contentLength: 57,
            fields: [.init("Accept", "PUT"), .init("X-Request-Id", [0x34, 0x37])]
        )
        #expect(
            Self.text(of: head, closes: true) == """
                HTTP/1.1 405 Method Not Allowed\r
                Content-Type: application/json\r
                Content-Length: 57\r
                Date: Mon, 23 Nov 2026 23:14:00 GMT\r
                Accept: PUT\r
                X-Request-Id: 47\r
                Connection: close\r
                \r\n
                """
        )
    }

    @Test func anEmptySuccessHasALengthAndADateOnly() {
        #expect(
            Self.text(of: ResponseHead(.ok, contentLength: 0)) == """
                HTTP/1.1 200 OK\r
                Content-Length: 0\r
                Date: Mon, 23 Nov 2026 23:14:00 GMT\r
                \r\n
                """
        )
    }

    @Test(arguments: ResponseStatus.allCases)
    func everyStatusHasItsLineAndFitsIntoItsBound(status: ResponseStatus) {
        let head = ResponseHead(status, contentType: "text/plain", contentLength: .max)
        let text = Self.text(of: head)
        #expect(text.hasPrefix("HTTP/1.1 \(status.rawValue) "))
        #expect(text.utf8.count == head.byteCountMax)
        let closing = Self.text(of: head, closes: true)
        #expect(closing.utf8.count == head.byteCountMax + "Connection: close\r\n".utf8.count)
    }

    @Test(arguments: [0, 9, 10, 99, 100, 1_000_000, Int.max])
    func aLengthIsWrittenInDecimal(length: Int) {
        #expect(Self.text(of: ResponseHead(.ok, contentLength: length)).contains("\r\nContent-Length: \(length)\r\n"))
    }

    @Test func theInterimAnswerIsWhole() {
        #expect("\(ResponseHead.continue)" == "HTTP/1.1 100 Continue\r\n\r\n")
    }

    @Test func aValueThatWouldWriteAnotherHeaderStopsTheProgram() async {
        await #expect(processExitsWith: .failure) { _ = ResponseHead.Field("Location", "/\r\nSet-Cookie: a") }
        await #expect(processExitsWith: .failure) { _ = ResponseHead.Field("Bad name", "a") }
    }

    private static func text(of head: ResponseHead, closes: Bool = false) -> String {
        let end = head.end(closes: closes)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: end.byteCountMax, alignment: 1)
        defer { unsafe buffer.deallocate() }
        var output = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
        end.write(into: &output)
        let count = unsafe output.finalize(for: buffer)
        return String(decoding: head.opening(date: Self.date), as: UTF8.self)
            + (unsafe String(decoding: buffer[..<count], as: UTF8.self))
    }
}
