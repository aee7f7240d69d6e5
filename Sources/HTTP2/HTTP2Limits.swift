// SPDX-License-Identifier: Apache-2.0

import HTTPMessages

/// What one connection of HTTP/2 may take. Each has a reason; none is what a library happens to do by itself.
package struct HTTP2Limits: Sendable {
    /// Requests at a time. A client of Go's opens another connection for what goes beyond, an object store has fewer.
    package var concurrentStreams = 128
    /// Bytes of a request's body.
    package var bodyByteCount = 1_000_000
    /// Bodies of all streams together, with the answers that wait, of the order of what a connection of HTTP/1.1 may cost. A
    /// body that goes beyond is not answered on its merits.
    package var heldByteCount = 4 << 20
    /// The same for answers, whose requests fitted: a client that leaves so much unread is not served any longer.
    package var unreadByteCount = 8 << 20
    /// What a client may have under way before it is told that it was taken: bodies of some thousand requests.
    package var windowByteCount = 1 << 20
    /// Streams that the client opens and resets at once (CVE-2023-44487): so many, and so many more each second. Then the
    /// connection ends.
    package var resetBurst = 200
    package var resetsPerSecond = 20
    /// Answers to PING and SETTINGS that the client does not read (CVE-2019-9512, -9515). Then the connection ends.
    package var unreadAcknowledgements = 64
    /// Settings in one frame (CVE-2020-11080).
    package var settingsPerFrame = 16
    /// CONTINUATION frames of one head (CVE-2024-27316). With the HEADERS frame, nine frames of 16 KiB hold more than
    /// ``fieldByteCount``. nghttp2's own default is 8, too.
    package var continuations = 8
    /// Frames without data between two complete requests: DATA without content, SETTINGS, PING, PRIORITY, heads, unknown
    /// types, and so on (CVE-2019-9512 to -9518). Go's client sends two for a request. Looked at after each read.
    package var idleFrames = 1_000
    /// Methods, targets and authorities that the connection holds until their heads are understood, all streams together.
    package var headByteCount = 64 << 10
    /// Bytes of all fields that one head may have before the connection ends; above ``StreamHead/byteCountMax``, up to
    /// which a head is accepted, and up to here the answer is 431.
    package var fieldByteCount = 2 * StreamHead.byteCountMax
    /// How much larger all heads of a connection may be than what the client has sent. A 4 KiB field that is kept in
    /// HPACK's table costs one byte to repeat; with the smallest head around it, this is its ratio.
    package var expansion = 256
    /// Bytes of heads for which ``expansion`` is not looked at yet.
    package var expandedByteCountMin = 1 << 20

    package init() {}
}
