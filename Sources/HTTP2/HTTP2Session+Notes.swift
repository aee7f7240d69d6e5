// SPDX-License-Identifier: Apache-2.0

import CNghttp2
import HTTPWire
import LockedMemory
import Slots

/// What nghttp2 tells of a connection, noted.
extension HTTP2Session {
    func headBegan(_ number: Int32) {
        let slot = self.streams.insert(HTTP2Stream(number: number, memory: self.memory))
        unsafe nghttp2_session_set_stream_user_data(
            self.session, number, UnsafeMutableRawPointer(bitPattern: UInt(slot.rawValue)))
        self.events.append(.headBegan)
    }

    func field(of number: Int32, _ name: Span<UInt8>, _ value: Span<UInt8>) {
        guard let slot = self.slot(of: number) else { return }
        self.streams[slot].head.take(name, value)
    }

    func headEnded(of number: Int32, endsStream: Bool) {
        guard let slot = self.slot(of: number) else { return }
        self.streams[slot].hasBody = !endsStream
        self.events.append(.head(HTTP2StreamID(slot)))
    }

    func streamEnded(_ number: Int32) {
        guard let slot = self.slot(of: number) else { return }
        self.idleFrameCount = 0
        self.streams[slot].isReceiving = false
        self.events.append(.end(HTTP2StreamID(slot)))
    }

    func data(of number: Int32, _ bytes: Span<UInt8>) {
        guard let slot = self.slot(of: number) else { return }
        self.streams[slot].bodyByteCount += bytes.count
        guard !self.streams[slot].isAnswered, !self.streams[slot].isTooLong else {
            self.endIfItGoesOn(slot)
            return
        }
        let isOwnFault = self.streams[slot].bodyByteCount > self.limits.bodyByteCount
        let keptByteCount = self.streams[slot].keepsBody ? bytes.count : 0
        guard !isOwnFault, self.heldByteCount + keptByteCount <= self.limits.heldByteCount else {
            self.dropBody(ofStream: slot)
            self.streams[slot].isTooLong = true
            self.events.append(.bodyTooLong(HTTP2StreamID(slot), isOwnFault: isOwnFault))
            return
        }
        guard keptByteCount > 0 else { return }
        self.heldByteCount += keptByteCount
        self.streams[slot].body.append(bytes)
    }

    func streamClosed(_ number: Int32) {
        guard let slot = self.slot(of: number) else { return }
        self.heldByteCount -= self.streams[slot].heldByteCount
        _ = self.streams.remove(slot)
        self.events.append(.closed(HTTP2StreamID(slot)))
    }

    /// A frame that asks for nothing.
    func idleFrame() {
        self.idleFrameCount += 1
        if self.idleFrameCount == self.limits.idleFrames { self.endForExcess() }
    }

    /// The end is announced. The ping goes behind that: nghttp2 would have it overtake what is not sent.
    func endAnnounced() { unsafe nghttp2_submit_ping(self.session, 0, nil) }

    func pingAnswered() { self.events.append(.pingAnswered) }

    /// How much of an answer goes into its next frame, at most `byteCountMax`, and whether that is all.
    func nextPart(of slot: Slots<HTTP2Stream>.ID, atMost byteCountMax: Int) -> (byteCount: Int, isLast: Bool)? {
        guard self.streams.contains(slot) else { return nil }
        let left = self.streams[slot].answer.byteCount
        return (min(left, byteCountMax), left <= byteCountMax)
    }

    /// Writes a frame of an answer.
    func sendPart(of slot: Slots<HTTP2Stream>.ID, behind frameHead: Span<UInt8>, _ byteCount: Int) -> Bool {
        guard self.streams.contains(slot) else { return false }
        self.output.append(frameHead)
        self.streams[slot].answer.withBytes { self.output.append($0.extracting(first: byteCount)) }
        self.streams[slot].answer.useUp(byteCount)
        self.heldByteCount -= byteCount
        return true
    }

    /// An answer has gone. What still comes of the request is thrown away: clients are known that do not look at an answer
    /// before they have sent everything, and take a reset in between for a failure (libcurl 7.88).
    func answerEnded(_ number: Int32) {
        guard let slot = self.slot(of: number) else { return }
        self.streams[slot].isAnswered = true
    }

    /// A client that goes on sending for as long again is told that nobody listens, RFC 9113 §8.1.
    private func endIfItGoesOn(_ slot: Slots<HTTP2Stream>.ID) {
        guard self.streams[slot].isAnswered, self.streams[slot].bodyByteCount > 2 * self.limits.bodyByteCount else {
            return
        }
        unsafe nghttp2_submit_rst_stream(self.session, 0, self.streams[slot].number, NGHTTP2_NO_ERROR.rawValue)
    }

    func dropBody(ofStream slot: Slots<HTTP2Stream>.ID) {
        self.streams[slot].keepsBody = false
        self.heldByteCount -= self.streams[slot].body.byteCount
        self.streams[slot].body.removeAll()
    }

    private func slot(of number: Int32) -> Slots<HTTP2Stream>.ID? {
        guard let data = unsafe nghttp2_session_get_stream_user_data(self.session, number) else { return nil }
        let slot = Slots<HTTP2Stream>.ID(rawValue: UInt64(UInt(bitPattern: data)))
        return self.streams.contains(slot) ? slot : nil
    }
}
