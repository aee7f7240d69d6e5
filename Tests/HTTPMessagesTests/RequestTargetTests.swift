// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Testing

@Suite struct RequestTargetTests {
    @Test(
        arguments: [
            ("/", "/"),
            ("/v1/key/decrypt/my-key", "/v1/key/decrypt/my-key"),
            ("/v1/key/decrypt/my-key/", "/v1/key/decrypt/my-key/"),
            ("/v1/key/decrypt/my-key?x=1", "/v1/key/decrypt/my-key"),
            ("/v1/key/decrypt/my-key?x=%zz/../", "/v1/key/decrypt/my-key"),
            ("/v1/key/decrypt/my-key#f", "/v1/key/decrypt/my-key"),
            ("/v1/key/decrypt/my-key#f?x/../", "/v1/key/decrypt/my-key"),
            ("/v1/key/decrypt/app-%41", "/v1/key/decrypt/app-A"),
            ("/v1/key/decrypt/a%2Fb%2fc", "/v1/key/decrypt/a/b/c"),
            ("/v1/key/decrypt/a%00b", "/v1/key/decrypt/a\u{0}b"),
            ("/v1/key/decrypt/a%25%34%31", "/v1/key/decrypt/a%41"),
            ("/v1/key/decrypt/%C3%A4ä", "/v1/key/decrypt/ää"),
            ("/v1/key/decrypt/a%3Fb%23c", "/v1/key/decrypt/a?b#c"),
            ("/v1/key/decrypt/%2E%2E/x", "/v1/key/decrypt/../x"),
            ("/v1/key/decrypt/%2F/x", "/v1/key/decrypt///x"),
            ("/v1/key/decrypt/.hidden", "/v1/key/decrypt/.hidden"),
            ("/v1/key/decrypt/...", "/v1/key/decrypt/..."),
            ("/v1/key/decrypt/a.b..c.", "/v1/key/decrypt/a.b..c."),
            ("/.a%41", "/.aA"),
        ]
    )
    func aPathIsDecodedOnceWithoutQueryAndFragment(target: String, path: String) throws {
        #expect(try RequestTarget([UInt8](target.utf8)) == .path([UInt8](path.utf8)))
    }

    @Test(
        arguments: [
            ("//", "/"),
            ("/.", "/"),
            ("/..", "/"),
            ("/./", "/"),
            ("/../../", "/"),
            ("/a/..", "/"),
            ("/a/.", "/a"),
            ("/a/./", "/a/"),
            ("/a/b/..", "/a"),
            ("/a/b/../", "/a/"),
            ("/a/../../b", "/b"),
            ("/v1/key/decrypt//my-key", "/v1/key/decrypt/my-key"),
            ("/v1/./key/../key//decrypt/my-key/", "/v1/key/decrypt/my-key/"),
            ("//host/../x?q=//#f", "/x?q=//"),
            ("//a%2F%41", "/a%2F%41"),
            ("/.//\\host", "/%5Chost"),
            ("//ä?ä\"", "/%C3%A4?%C3%A4%22"),
        ]
    )
    func aPathWithOddSegmentsIsSentToTheCleanOne(target: String, place: String) throws {
        let redirect = try RequestTarget([UInt8](target.utf8))
        #expect(redirect == .redirect(to: [UInt8](place.utf8)))
        guard case .path = try RequestTarget([UInt8](place.utf8)) else {
            Issue.record("\(place) is redirected again")
            return
        }
    }

    @Test(arguments: ["/%", "/a%4", "/%4", "/%zz", "/%4g", "/%g4", "/%%41", "/%?41", "/%4?1", "//%zz", "/% 1"])
    func aBadEscapeIsRefused(target: String) {
        #expect(throws: RequestError.malformedPercentEncoding) { try RequestTarget([UInt8](target.utf8)) }
    }

    @Test func whatIsNoPathIsToldApart() throws {
        #expect(try RequestTarget([UInt8]("*".utf8)) == .asterisk)
        #expect(try RequestTarget([UInt8]("host:443".utf8)) == .authority)
    }
}
