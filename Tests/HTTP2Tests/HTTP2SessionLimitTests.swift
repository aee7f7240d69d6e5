// SPDX-License-Identifier: Apache-2.0

import HTTP2
import TestSupport
import Testing

/// Limits that nghttp2 would not apply by itself, or would apply with another value.
@Suite struct HTTP2SessionLimitTests {
    /// nghttp2's own limit is 8, as is our default: only a lower one shows that ours is in force.
    @Test(arguments: [1, 3, 5])
    func aHeadMayHaveAsManyContinuationsAsTheLimit(count: Int) throws {
        var limits = HTTP2Limits()
        limits.continuations = count
        let session = try #require(HTTP2Session(limits: limits, memory: try SharedMemory.secrets))
        let head = HTTP2Frame(type: 1, flags: 1, stream: 1, payload: HTTP2Frame.block([(":method", "GET")]))
        let continuation = HTTP2Frame(type: 9, stream: 1)

        let isOpen = Self.receive(
            Array(HTTP2Frame.preface.utf8) + HTTP2Frame.settings().bytes + head.bytes, by: session)
        #expect(isOpen)
        for _ in 0..<count {
            let isOpen = Self.receive(continuation.bytes, by: session)
            #expect(isOpen)
        }
        let isOpenBeyond = Self.receive(continuation.bytes, by: session)
        #expect(!isOpenBeyond)
    }

    private static func receive(_ bytes: [UInt8], by session: HTTP2Session) -> Bool { session.receive(bytes.span) }
}
