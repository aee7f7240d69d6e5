// SPDX-License-Identifier: Apache-2.0

import CNghttp2
package import HTTPMessages
package import LockedMemory
import Primitives

/// The server side of one HTTP/2 connection (RFC 9113), on top of nghttp2: frames, header compression, flow control,
/// and the rules that depend on frames alone. Knows no socket, no clock, and not what requests mean.
///
/// Input: ``receive(_:)``, then ``nextEvent()``. Output: ``respond(to:_:date:body:)``, then ``write(into:upTo:)``.
/// nghttp2's callbacks only record events.
///
/// Each body is copied once: out of the received frames, or into the sent ones. nghttp2 copies no body, so its memory
/// holds no plaintext.
///
/// Not thread-safe. A class, because nghttp2 keeps a pointer to it.
@safe package final class HTTP2Session {
    let limits: HTTP2Limits
    let memory: SecretMemory
    /// What nghttp2 allocates with. It outlives the session that is deleted in ``deinit``.
    private let allocator: HTTP2Memory
    // None of these is lent to anybody who could reach the session meanwhile, which need not be looked at with every use.
    @safe @exclusivity(unchecked) var streams = SlotMap<HTTP2Stream>()
    /// Bytes of buffered bodies and unsent answers.
    @safe @exclusivity(unchecked) package internal(set) var heldByteCount = 0

    let session: OpaquePointer
    @safe @exclusivity(unchecked) var events: [HTTP2Event] = []
    @safe @exclusivity(unchecked) private var eventsTaken = 0
    /// The destination during ``write(into:upTo:)``.
    @safe @exclusivity(unchecked) var output: TransitBuffer
    /// The lengths of names and values in the head being written.
    @safe @exclusivity(unchecked) var extents: [FieldExtent] = []
    @safe @exclusivity(unchecked) var meter = FrameMeter()
    /// Whether nghttp2 has failed in a way that it does not recover from.
    @safe @exclusivity(unchecked) var hasFailed = false
    /// Whether the connection can only be closed: nghttp2 has failed, or there was no memory for something, which it
    /// does not always report.
    private var isBroken: Bool { self.hasFailed || self.allocator.wasRefused }
    /// Bytes of heads that are not understood yet.
    @safe @exclusivity(unchecked) package internal(set) var headByteCount = 0
    /// Decoded size of the current head, by HPACK's size of a field.
    @safe @exclusivity(unchecked) var fieldByteCount = 0
    /// Decoded size of all heads, and all received bytes.
    @safe @exclusivity(unchecked) var expandedByteCount = 0
    @safe @exclusivity(unchecked) var receivedByteCount = 0

    /// - Parameter memory: for bodies, and for nghttp2; see ``HTTP2Memory``.
    /// - Returns: nil if there is no memory.
    package init?(limits: HTTP2Limits, memory: SecretMemory) {
        let allocator = HTTP2Memory(memory)
        guard let session = unsafe Self.makeSession(limits: limits, memory: allocator) else { return nil }
        unsafe self.session = session
        self.allocator = allocator
        self.limits = limits
        self.memory = memory
        self.output = TransitBuffer(in: memory)
        unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
        guard unsafe Self.greet(session, limits) else { return nil }
    }

    deinit {
        // The callbacks for streams that this closes must not reach the session.
        unsafe nghttp2_session_set_user_data(self.session, nil)
        unsafe nghttp2_session_del(self.session)
    }

    // MARK: Input

    /// Processes bytes from the client. ``nextEvent()`` returns the resulting events.
    ///
    /// - Returns: false if the connection is unusable and must be closed without an answer.
    package func receive(_ input: Span<UInt8>) -> Bool {
        self.receivedByteCount += input.count
        self.meter.receive(input)
        // The head is not decoded beyond this read.
        if self.meter.headByteCount > self.limits.fieldByteCount { self.endForExcess() }
        defer { if self.meter.idleFrameCount >= self.limits.idleFrames { self.endForExcess() } }
        let taken = unsafe input.withUnsafeBufferPointer { input in
            unsafe nghttp2_session_mem_recv(self.session, input.baseAddress, input.count)
        }
        return taken >= 0 && !self.isBroken
    }

    /// The next event, in order. Each is returned once.
    package func nextEvent() -> HTTP2Event? {
        guard self.eventsTaken < self.events.count else {
            self.events.removeAll(keepingCapacity: true)
            self.eventsTaken = 0
            return nil
        }
        defer { self.eventsTaken += 1 }
        return self.events[self.eventsTaken]
    }

    /// Number of open streams.
    package var streamCount: Int { self.streams.count }

    /// The number of the incomplete head; nil if there is none. No other stream's frames can come before its end.
    package var openHead: Int? { self.meter.openHead }

    // For a closed stream, the following functions return nil or false, or do nothing.

    /// Whether more of the request is to come.
    package func isReceiving(_ id: HTTP2StreamID) -> Bool { self.streams[id.slot]?.isReceiving == true }

    /// Removes and returns the head of a request.
    ///
    /// - Returns: nil if the head is incomplete or was taken.
    package func takeHead(of id: HTTP2StreamID) throws(RequestError) -> RequestHead? {
        guard let hasBody = self.streams[id.slot]?.hasBody, let head = self.streams[id.slot]?.head else { return nil }
        self.streams[id.slot]?.head = nil
        self.headByteCount -= head.heldByteCount
        return try head.head(hasBody: hasBody)
    }

    /// Calls `body` with the body of a complete request.
    package func withBody<Result>(of id: HTTP2StreamID, _ body: (Span<UInt8>) -> Result) -> Result? {
        self.streams[id.slot]?.body.withBytes(body)
    }

    /// Wipes the received part of a body and discards the rest.
    package func dropBody(of id: HTTP2StreamID) {
        self.heldByteCount -= self.streams[id.slot]?.body.byteCount ?? 0
        self.streams[id.slot]?.dropBody()
    }

    /// Bytes of an answer's body that are not in frames yet.
    package func unsentByteCount(of id: HTTP2StreamID) -> Int { self.streams[id.slot]?.answer.byteCount ?? 0 }

    // MARK: Output

    /// Sends `100 Continue`.
    package func askForBody(of id: HTTP2StreamID) {
        guard let number = self.streams[id.slot]?.number else { return }
        unsafe self.withFields(upTo: 16) {
            $0.appendField(":status", to: &$1) { $0.append(decimal: 100) }
        } submit: { fields, count in
            unsafe nghttp2_submit_headers(
                self.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), number, nil, fields, count, nil)
        }
    }

    /// Answers a request, complete or not. Later answers to the same request are ignored.
    ///
    /// - Parameter body: as long as the head announces, or empty for an answer to HEAD.
    package func respond(
        to id: HTTP2StreamID, _ head: ResponseHead, date: HTTPDate, body: consuming TransitBuffer
    ) {
        guard let number = self.streams[id.slot]?.number, self.streams[id.slot]?.hasAnswer == false else { return }
        let isEmpty = body.isEmpty
        self.heldByteCount += body.byteCount
        self.streams[id.slot]?.hasAnswer = true
        self.streams[id.slot]?.answer = body
        var source = unsafe nghttp2_data_provider()
        unsafe source.source.ptr = UnsafeMutableRawPointer(bitPattern: UInt(id.slot.rawValue))
        unsafe source.read_callback = HTTP2Callbacks.readAnswer
        unsafe self.withFields(upTo: head.byteCountMax) {
            head.writeFields(date: date, into: &$0, extents: &$1)
        } submit: { fields, count in
            if isEmpty {
                unsafe nghttp2_submit_response(self.session, number, fields, count, nil)
            } else {
                unsafe nghttp2_submit_response(self.session, number, fields, count, &source)
            }
        }
    }

    /// Resets a stream with CANCEL.
    package func cancel(_ id: HTTP2StreamID) {
        guard let number = self.streams[id.slot]?.number else { return }
        unsafe nghttp2_submit_rst_stream(self.session, 0, number, NGHTTP2_CANCEL.rawValue)
    }

    /// Announces that no new requests will be accepted soon. ``HTTP2Event/pingAnswered`` shows that the client knows.
    package func announceEnd() { unsafe nghttp2_submit_shutdown_notice(self.session) }

    /// Names the last request that will be answered.
    package func beginEnd() {
        unsafe nghttp2_submit_goaway(
            self.session, 0, nghttp2_session_get_last_proc_stream_id(self.session), NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    /// Closes the connection with ENHANCE_YOUR_CALM, because the client exceeds a limit.
    package func endForExcess() {
        unsafe nghttp2_session_terminate_session(self.session, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
    }

    /// Whether nothing is left to read or write.
    package var isOver: Bool {
        unsafe nghttp2_session_want_read(self.session) == 0 && nghttp2_session_want_write(self.session) == 0
    }

    /// Appends ready frames, until `output` has more than `byteCountMax` bytes.
    ///
    /// - Returns: whether more frames are ready; nil if the connection is unusable.
    package func write(into output: inout TransitBuffer, upTo byteCountMax: Int) -> Bool? {
        guard !self.isBroken else { return nil }
        swap(&output, &self.output)
        defer { swap(&output, &self.output) }
        while self.output.byteCount <= byteCountMax {
            var bytes: UnsafePointer<UInt8>?
            let byteCount = unsafe nghttp2_session_mem_send(self.session, &bytes)
            if byteCount < 0 || self.isBroken { return nil }
            guard byteCount > 0, let start = unsafe bytes else { return false }
            unsafe self.output.append(Span(_unsafeStart: start, count: byteCount))
            if self.output.isTruncated { return nil }
        }
        return unsafe nghttp2_session_want_write(self.session) != 0
    }
}
