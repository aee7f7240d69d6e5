// SPDX-License-Identifier: Apache-2.0

import CNghttp2

/// Counts a client's frames from the raw bytes.
///
/// nghttp2 reports neither the frames that it ignores nor the heads that it skips, but both cost work. The frame layout
/// is that of RFC 9113 §4.1: 24 bits of length, type, flags, stream.
struct FrameMeter {
    /// Frames since the last ``requestEnded()`` that carry no data: all but DATA with content.
    private(set) var idleFrameCount = 0
    /// The number of the incomplete head, counted from the connection's first; nil if there is none. A head is a
    /// HEADERS frame and its CONTINUATION frames; no other frame can come between them.
    private(set) var openHead: Int?
    /// Compressed bytes of the open head, or of the last one.
    private(set) var headByteCount = 0

    private var headCount = 0
    private var prefaceLeft = Self.prefaceByteCount
    /// Bytes of a frame header that arrived in parts.
    private var pending: UInt64 = 0
    private var pendingByteCount = 0
    private var payloadLeft = 0
    /// Whether the end of the payload completes the open head.
    private var payloadEndsHead = false

    private static let prefaceByteCount = 24
    private static let frameHeaderByteCount = 9
    /// Length, type and flags of a frame header. The stream is not needed.
    private static let meteredByteCount = 5

    mutating func requestEnded() { self.idleFrameCount = 0 }

    mutating func receive(_ input: Span<UInt8>) {
        var index = min(self.prefaceLeft, input.count)
        self.prefaceLeft -= index
        while index < input.count {
            if self.payloadLeft > 0 {
                let taken = min(self.payloadLeft, input.count - index)
                index += taken
                self.payloadLeft -= taken
                if self.payloadLeft == 0 { self.endPayload() }
                continue
            }
            if self.pendingByteCount < Self.meteredByteCount { self.pending = self.pending << 8 | UInt64(input[index]) }
            self.pendingByteCount += 1
            index += 1
            if self.pendingByteCount == Self.frameHeaderByteCount { self.beginFrame() }
        }
    }

    private mutating func beginFrame() {
        let length = Int(self.pending >> 16)
        let type = UInt32(self.pending >> 8 & 0xff)
        let flags = UInt32(self.pending & 0xff)
        self.pending = 0
        self.pendingByteCount = 0
        self.payloadLeft = length
        // Padding can make an empty DATA frame look as if it had content.
        let hasData = length > 0 && flags & NGHTTP2_FLAG_PADDED.rawValue == 0
        if type != NGHTTP2_DATA.rawValue || !hasData { self.idleFrameCount += 1 }
        if type == NGHTTP2_HEADERS.rawValue {
            self.headCount += 1
            self.openHead = self.headCount
            self.headByteCount = 0
        }
        if type == NGHTTP2_HEADERS.rawValue || type == NGHTTP2_CONTINUATION.rawValue {
            self.headByteCount += length
            self.payloadEndsHead = flags & NGHTTP2_FLAG_END_HEADERS.rawValue != 0
        }
        if length == 0 { self.endPayload() }
    }

    private mutating func endPayload() {
        guard self.payloadEndsHead else { return }
        self.payloadEndsHead = false
        self.openHead = nil
    }
}
