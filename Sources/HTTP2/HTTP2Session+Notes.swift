// SPDX-License-Identifier: Apache-2.0

import CNghttp2
import HTTPMessages
import LockedMemory
import Primitives

/// Records what nghttp2's callbacks report.
extension HTTP2Session {
    func headBegan(_ number: Int32, isRequest: Bool) {
        self.fieldByteCount = 0
        guard isRequest else { return }
        let slot = self.streams.insert(HTTP2Stream(number: number, memory: self.memory))
        let data = unsafe UnsafeMutableRawPointer(bitPattern: UInt(slot.rawValue))
        // Without user data, the session would miss all later events of the stream.
        if unsafe nghttp2_session_set_stream_user_data(self.session, number, data) != 0 { self.streams[slot] = nil }
    }

    /// Counts a field of any head, trailers included, by HPACK's size of a field.
    ///
    /// - Returns: false if the head or the connection exceeds a limit. The connection is then closed, and the rest of
    ///   the head is not decoded.
    func admitField(of byteCount: Int) -> Bool {
        self.fieldByteCount += byteCount + StreamHead.fieldOverhead
        self.expandedByteCount += byteCount + StreamHead.fieldOverhead
        let isExpanded =
            self.expandedByteCount > self.limits.expandedByteCountMin
            && self.expandedByteCount / self.limits.expansion > self.receivedByteCount
        guard self.fieldByteCount > self.limits.fieldByteCount || isExpanded else { return true }
        self.endForExcess()
        return false
    }

    func field(of number: Int32, _ name: Span<UInt8>, _ value: Span<UInt8>) {
        guard let slot = self.slot(of: number) else { return }
        let grown = self.streams[slot]?.head?.take(name, value, upTo: self.limits.headByteCount - self.headByteCount)
        self.headByteCount += grown ?? 0
    }

    func headEnded(of number: Int32, endsStream: Bool) {
        guard let slot = self.slot(of: number) else { return }
        self.streams[slot]?.hasBody = !endsStream
        self.events.append(.head(HTTP2StreamID(slot)))
    }

    func streamEnded(_ number: Int32) {
        guard let slot = self.slot(of: number) else { return }
        self.meter.requestEnded()
        self.streams[slot]?.isReceiving = false
        self.events.append(.end(HTTP2StreamID(slot)))
    }

    func data(of number: Int32, _ bytes: Span<UInt8>) {
        guard let slot = self.slot(of: number) else { return }
        let heldByteCountBefore = self.streams[slot]?.heldByteCount ?? 0
        let outcome = self.streams[slot]?
            .receive(bytes, with: self.limits, room: self.limits.heldByteCount - self.heldByteCount)
        self.heldByteCount += (self.streams[slot]?.heldByteCount ?? 0) - heldByteCountBefore
        switch outcome {
        case nil, .taken: break
        case .tooLong(let isOwnFault):
            self.events.append(.bodyTooLong(HTTP2StreamID(slot), isOwnFault: isOwnFault))
        case .unwanted:
            unsafe nghttp2_submit_rst_stream(self.session, 0, number, NGHTTP2_NO_ERROR.rawValue)
        }
    }

    func streamClosed(_ number: Int32) {
        guard let slot = self.slot(of: number), let stream = self.streams.remove(slot) else { return }
        self.heldByteCount -= stream.heldByteCount
        self.headByteCount -= stream.head?.heldByteCount ?? 0
        self.events.append(.closed(HTTP2StreamID(slot)))
    }

    /// The ping must follow the announcement: nghttp2 would send it before frames that are still queued.
    func endAnnounced() { unsafe nghttp2_submit_ping(self.session, 0, nil) }

    func pingAnswered() { self.events.append(.pingAnswered) }

    /// How many bytes of an answer go into its next frame, at most `byteCountMax`, and whether they are the last.
    func nextPart(of slot: SlotMap<HTTP2Stream>.ID, atMost byteCountMax: Int) -> (byteCount: Int, isLast: Bool)? {
        guard let left = self.streams[slot]?.answer.byteCount else { return nil }
        return (min(left, byteCountMax), left <= byteCountMax)
    }

    /// Appends a frame of an answer to the output.
    ///
    /// - Returns: false if the answer is shorter than the frame announces.
    func sendPart(of slot: SlotMap<HTTP2Stream>.ID, behind frameHead: Span<UInt8>, _ byteCount: Int) -> Bool {
        guard let left = self.streams[slot]?.answer.byteCount, byteCount <= left else { return false }
        self.output.append(frameHead)
        self.streams[slot]?.answer.withBytes { _ = self.output.append($0.extracting(first: byteCount)) }
        self.streams[slot]?.answer.useUp(byteCount)
        self.heldByteCount -= byteCount
        return true
    }

    /// An answer was sent completely. The rest of the request is discarded without a reset: libcurl 7.88 does not read
    /// an answer before it has sent the whole body, and treats a reset in between as a failure.
    func answerEnded(_ number: Int32) {
        guard let slot = self.slot(of: number) else { return }
        self.streams[slot]?.isAnswered = true
    }

    private func slot(of number: Int32) -> SlotMap<HTTP2Stream>.ID? {
        guard let data = unsafe nghttp2_session_get_stream_user_data(self.session, number) else { return nil }
        let slot = SlotMap<HTTP2Stream>.ID(rawValue: UInt64(UInt(bitPattern: data)))
        return self.streams.contains(slot) ? slot : nil
    }
}
