// SPDX-License-Identifier: Apache-2.0

import CNghttp2
import LockedMemory
import Primitives

/// The callbacks of nghttp2. Each passes its event to the ``HTTP2Session`` that it belongs to.
enum HTTP2Callbacks {
    /// Created once and shared by all sessions. Immutable.
    nonisolated(unsafe) static let all: OpaquePointer? = unsafe Self.make()

    private static var frameHeadByteCount: Int { 9 }

    private static func make() -> OpaquePointer? {
        var callbacks: OpaquePointer?
        guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
            guard let frame = unsafe frame?.pointee else { return 0 }
            unsafe HTTP2Callbacks.session(user)?
                .headBegan(frame.hd.stream_id, isRequest: HTTP2Callbacks.isRequest(frame))
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameCount, value, count, _, user in
            guard let frame = unsafe frame?.pointee, let session = unsafe HTTP2Callbacks.session(user) else { return 0 }
            guard session.admitField(of: nameCount + count) else {
                return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
            }
            guard unsafe HTTP2Callbacks.isRequest(frame) else { return 0 }
            let (name, value) = unsafe (
                UnsafeBufferPointer(start: name, count: nameCount), UnsafeBufferPointer(start: value, count: count)
            )
            unsafe session.field(of: frame.hd.stream_id, name.span, value.span)
            return 0
        }
        // By default nghttp2 ignores an invalid field. Another reader might not ignore it.
        unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) { _, _, _, _, _, _, _, _ in
            NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            _, _, number, bytes, count, user in
            let bytes = unsafe UnsafeBufferPointer(start: bytes, count: count)
            unsafe HTTP2Callbacks.session(user)?.data(of: number, bytes.span)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
            guard let frame = unsafe frame, let session = unsafe HTTP2Callbacks.session(user) else { return 0 }
            unsafe HTTP2Callbacks.received(frame.pointee, session)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
            guard let frame = unsafe frame, let session = unsafe HTTP2Callbacks.session(user) else { return 0 }
            unsafe HTTP2Callbacks.sent(frame.pointee, session)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, number, _, user in
            unsafe HTTP2Callbacks.session(user)?.streamClosed(number)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, _, frameHead, count, source, user in
            guard let source = unsafe source, let session = unsafe HTTP2Callbacks.session(user) else {
                return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
            }
            let frameHead = unsafe UnsafeBufferPointer(start: frameHead, count: HTTP2Callbacks.frameHeadByteCount)
            let isSent = unsafe session.sendPart(
                of: HTTP2Callbacks.slot(source.pointee), behind: frameHead.span, count)
            return isSent ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
        }
        return unsafe callbacks
    }

    /// Returns how much of an answer goes into the next frame; ``HTTP2Session/sendPart(of:behind:_:)`` copies it.
    static let readAnswer: nghttp2_data_source_read_callback = { _, _, _, byteCountMax, flags, source, user in
        guard let source = unsafe source, let flags = unsafe flags,
            let part = unsafe HTTP2Callbacks.session(user)?
                .nextPart(of: HTTP2Callbacks.slot(source.pointee), atMost: byteCountMax)
        else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if part.isLast { unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        return part.byteCount
    }

    private static func received(_ frame: nghttp2_frame, _ session: HTTP2Session) {
        let head = unsafe frame.hd
        switch UInt32(head.type) {
        case NGHTTP2_HEADERS.rawValue:
            let endsStream = Self.endsStream(head)
            if unsafe Self.isRequest(frame) { session.headEnded(of: head.stream_id, endsStream: endsStream) }
            if endsStream { session.streamEnded(head.stream_id) }
        case NGHTTP2_DATA.rawValue:
            if Self.endsStream(head) { session.streamEnded(head.stream_id) }
        case NGHTTP2_PING.rawValue where head.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0:
            session.pingAnswered()
        case _:
            break
        }
    }

    private static func sent(_ frame: nghttp2_frame, _ session: HTTP2Session) {
        let head = unsafe frame.hd
        if Self.endsStream(head) { session.answerEnded(head.stream_id) }
        if UInt32(head.type) == NGHTTP2_GOAWAY.rawValue, unsafe frame.goaway.last_stream_id == .max {
            session.endAnnounced()
        }
    }

    private static func isRequest(_ frame: nghttp2_frame) -> Bool {
        unsafe UInt32(frame.hd.type) == NGHTTP2_HEADERS.rawValue && frame.headers.cat == NGHTTP2_HCAT_REQUEST
    }

    private static func endsStream(_ head: nghttp2_frame_hd) -> Bool {
        let type = UInt32(head.type)
        return (type == NGHTTP2_HEADERS.rawValue || type == NGHTTP2_DATA.rawValue)
            && head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    }

    private static func session(_ user: UnsafeMutableRawPointer?) -> HTTP2Session? {
        unsafe user.map { unsafe Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func slot(_ source: nghttp2_data_source) -> SlotMap<HTTP2Stream>.ID {
        unsafe SlotMap<HTTP2Stream>.ID(rawValue: UInt64(UInt(bitPattern: source.ptr)))
    }
}
