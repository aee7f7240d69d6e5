// SPDX-License-Identifier: Apache-2.0

import CNghttp2
import HTTPMessages
import LockedMemory

/// The setup of nghttp2 for a connection.
extension HTTP2Session {
    static func makeSession(limits: HTTP2Limits, memory: HTTP2Memory) -> OpaquePointer? {
        var option: OpaquePointer?
        guard unsafe nghttp2_option_new(&option) == 0, let option = unsafe option else { return nil }
        defer { unsafe nghttp2_option_del(option) }
        unsafe nghttp2_option_set_no_closed_streams(option, 1)
        unsafe nghttp2_option_set_max_outbound_ack(option, limits.unreadAcknowledgements)
        unsafe nghttp2_option_set_max_settings(option, limits.settingsPerFrame)
        unsafe nghttp2_option_set_max_continuations(option, limits.continuations)
        unsafe nghttp2_option_set_stream_reset_rate_limit(
            option, UInt64(limits.resetBurst), UInt64(limits.resetsPerSecond))
        var allocator = unsafe memory.functions
        var session: OpaquePointer?
        guard unsafe nghttp2_session_server_new3(&session, HTTP2Callbacks.all, nil, option, &allocator) == 0 else {
            return nil
        }
        return unsafe session
    }

    /// Sends the connection's initial SETTINGS.
    static func greet(_ session: OpaquePointer, _ limits: HTTP2Limits) -> Bool {
        let settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                value: UInt32(limits.concurrentStreams)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(StreamHead.byteCountMax)),
            // Answers are short and of equal priority.
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
        ]
        return unsafe nghttp2_submit_settings(session, 0, settings, settings.count) == 0
            && nghttp2_session_set_local_window_size(session, 0, 0, Int32(limits.windowByteCount)) == 0
    }

    /// Writes the fields of a head and passes them to nghttp2, which copies what it needs.
    func withFields(
        upTo byteCountMax: Int, _ write: (inout OutputRawSpan, inout [FieldExtent]) -> Void,
        submit: (UnsafePointer<nghttp2_nv>?, Int) -> CInt
    ) {
        self.extents.removeAll(keepingCapacity: true)
        unsafe withUnsafeTemporaryAllocation(byteCount: byteCountMax, alignment: 1) { room in
            var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
            write(&output, &self.extents)
            _ = unsafe output.finalize(for: room)
            unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: self.extents.count) { pairs in
                var position = unsafe room.baseAddress?.assumingMemoryBound(to: UInt8.self)
                for (index, extent) in self.extents.enumerated() {
                    let value = unsafe position.map { unsafe $0 + extent.nameByteCount }
                    unsafe pairs.initializeElement(
                        at: index,
                        to: nghttp2_nv(
                            name: position, value: value, namelen: extent.nameByteCount,
                            valuelen: extent.valueByteCount, flags: extent.flags))
                    unsafe position = value.map { unsafe $0 + extent.valueByteCount }
                }
                // For a stream that is gone it fails too; that is told by its own event.
                if unsafe nghttp2_is_fatal(submit(pairs.baseAddress, pairs.count)) != 0 { self.hasFailed = true }
            }
        }
    }
}

extension FieldExtent {
    /// Fields whose values are never repeated stay out of HPACK's table: an entry costs more than a literal.
    fileprivate var flags: UInt8 {
        UInt8(self.repeats ? NGHTTP2_NV_FLAG_NONE.rawValue : NGHTTP2_NV_FLAG_NO_INDEX.rawValue)
    }
}
