// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import KeyService
import ServerTestSupport
import Testing

@testable import HTTPServer

@Suite struct ResponseHeadCacheTests {
    private struct Answer {
        var status = ResponseStatus.ok
        var contentType: String? = "application/json"
        var contentLength = 62
        var fields: [ResponseHead.Field] = []
        var origin: AnswerOrigin? = .hit(age: 1)
        var second = 1_795_475_640

        func opening(of openings: inout ResponseHeadCache) -> String {
            String(
                decoding: openings.opening(
                    self.status, contentType: self.contentType, contentLength: self.contentLength,
                    fields: self.fields, from: self.origin, at: self.second),
                as: UTF8.self)
        }
    }

    @Test func anOpeningIsTheHeadWithoutItsEnd() {
        var openings = ResponseHeadCache()
        for age in [1, 2] {
            #expect(
                Answer(origin: .hit(age: age)).opening(of: &openings) == """
                    HTTP/1.1 200 OK\r
                    Content-Type: application/json\r
                    Content-Length: 62\r
                    Date: Mon, 23 Nov 2026 23:14:00 GMT\r
                    X-Keyside-Cache: hit\r\n
                    """)
        }
    }

    /// Each of them differs from the one before it in something else.
    @Test func whateverCameBeforeAnOpeningSaysWhatItsAnswerIs() {
        let answers = [
            Answer(), Answer(status: .notFound), Answer(), Answer(contentType: nil), Answer(),
            Answer(contentType: "text/plain"), Answer(), Answer(contentLength: 63), Answer(),
            Answer(fields: [.init("Retry-After", "1")]), Answer(fields: [.init("Retry-After", "2")]), Answer(),
            Answer(origin: .stale(age: 1)), Answer(), Answer(origin: nil), Answer(), Answer(second: 1_795_475_641),
        ]
        var openings = ResponseHeadCache()
        for answer in answers {
            var others = ResponseHeadCache()
            #expect(answer.opening(of: &openings) == answer.opening(of: &others))
        }
    }
}
