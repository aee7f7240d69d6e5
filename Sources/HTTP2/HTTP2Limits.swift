// SPDX-License-Identifier: Apache-2.0

import HTTPMessages

/// Limits of one HTTP/2 connection.
package struct HTTP2Limits: Sendable {
    /// Maximum concurrent streams. Go's client opens another connection beyond it; object stores need fewer.
    package var concurrentStreams = 128
    /// Maximum request body, in bytes.
    package var bodyByteCount = 1_000_000
    /// Maximum bytes of all buffered bodies and unsent answers of a connection, similar to what an HTTP/1.1 connection
    /// may use. A request whose body exceeds it is refused.
    package var heldByteCount = 4 << 20
    /// Maximum bytes of unsent answers. A client that leaves more unread is disconnected.
    package var unreadByteCount = 8 << 20
    /// Connection flow-control window, in bytes: a thousand typical request bodies.
    package var windowByteCount = 1 << 20
    /// Maximum burst, and rate per second, of streams that the client opens and resets at once (CVE-2023-44487). Beyond
    /// it, the connection is closed.
    package var resetBurst = 200
    package var resetsPerSecond = 20
    /// Maximum unread answers to PING and SETTINGS (CVE-2019-9512, -9515). Beyond it, the connection is closed.
    package var unreadAcknowledgements = 64
    /// Maximum settings in one frame (CVE-2020-11080).
    package var settingsPerFrame = 16
    /// CONTINUATION frames of one head (CVE-2024-27316). With the HEADERS frame, nine frames of 16 KiB hold more than
    /// ``fieldByteCount``. nghttp2's own default is 8, too.
    package var continuations = 8
    /// Maximum frames without data between two complete requests: empty DATA, SETTINGS, PING, PRIORITY, heads, unknown
    /// types, and so on (CVE-2019-9512 to -9518). Go's client sends two per request. Checked after each read.
    package var idleFrames = 1_000
    /// Maximum bytes of methods, targets and authorities in unparsed heads, all streams together.
    package var headByteCount = 64 << 10
    /// Maximum decoded size of one head, in bytes. Up to ``StreamHead/byteCountMax`` a head is accepted; up to this
    /// limit the answer is 431; beyond it, the connection is closed.
    package var fieldByteCount = 2 * StreamHead.byteCountMax
    /// Maximum ratio of decoded head bytes to received bytes of a connection. Repeating a 4 KiB field from HPACK's
    /// table costs one byte; in the smallest possible head, that gives this ratio.
    package var expansion = 256
    /// Decoded head bytes up to which ``expansion`` is not checked.
    package var expandedByteCountMin = 1 << 20

    package init() {}
}
