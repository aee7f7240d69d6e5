// SPDX-License-Identifier: Apache-2.0

import CNghttp2
package import HTTPMessages
package import LockedMemory
import Primitives

/// The server's side of one connection of HTTP/2, RFC 9113, as nghttp2 does it: frames, header compression, flow control,
/// and what of the rules can be told from frames alone. It knows no socket, no clock, and not what requests are about.
///
/// Bytes in by ``receive(_:)``, then what happened by ``nextEvent()``; answers in by ``respond(to:_:date:body:)``, then
/// bytes out by ``write(into:upTo:)``. nghttp2's callbacks note what they see and decide nothing.
///
/// A body is copied once on either way: from the frames that it came in, and into those that it goes out in. nghttp2 sees
/// neither, so that what it allocates holds no plaintext.
///
/// Used by one thread at a time. A class, since nghttp2 needs it to stay where it is.
@safe package final class HTTP2Session {
    let limits: HTTP2Limits
    let memory: SecretMemory
    /// What nghttp2 allocates with. It outlives the session that is deleted in ``deinit``.
    private let allocator: HTTP2Memory
    // None of these is lent to anybody who could reach the session meanwhile, which need not be looked at with every use.
    @safe @exclusivity(unchecked) var streams = SlotMap<HTTP2Stream>()
    /// Bytes of bodies and answers that wait.
    @safe @exclusivity(unchecked) package internal(set) var heldByteCount = 0

    let session: OpaquePointer
    @safe @exclusivity(unchecked) var events: [HTTP2Event] = []
    @safe @exclusivity(unchecked) private var eventsTaken = 0
    /// What is being written to, for the length of ``write(into:upTo:)``.
    @safe @exclusivity(unchecked) var output: TransitBuffer
    /// Of the fields of a head that is being written.
    @safe @exclusivity(unchecked) var extents: [FieldExtent] = []
    @safe @exclusivity(unchecked) var meter = FrameMeter()
    /// Whether nghttp2 has failed in a way that it does not recover from.
    @safe @exclusivity(unchecked) var hasFailed = false
    /// Whether the connection can only be closed: nghttp2 has failed, or there was no memory for something, which it
    /// does not always report.
    private var isBroken: Bool { self.hasFailed || self.allocator.wasRefused }
    /// Bytes of heads that are not understood yet.
    @safe @exclusivity(unchecked) package internal(set) var headByteCount = 0
    /// Bytes of the fields of the head that is being decoded, in HPACK's measure.
    @safe @exclusivity(unchecked) var fieldByteCount = 0
    /// The same of all heads, and the bytes that they came in, with everything else.
    @safe @exclusivity(unchecked) var expandedByteCount = 0
    @safe @exclusivity(unchecked) var receivedByteCount = 0

    /// - Parameter memory: also where nghttp2 allocates, see ``HTTP2Memory``.
    /// - Returns: nil where there is no memory for it.
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
        // Streams that are closed by this are none of anybody's business.
        unsafe nghttp2_session_set_user_data(self.session, nil)
        unsafe nghttp2_session_del(self.session)
    }

    // MARK: In

    /// Takes what the client has sent. Events follow from it.
    ///
    /// - Returns: false if the connection is of no use any more, and nothing is to be said.
    package func receive(_ input: Span<UInt8>) -> Bool {
        self.receivedByteCount += input.count
        self.meter.receive(input)
        // Nothing of such a head is decoded beyond this read.
        if self.meter.headByteCount > self.limits.fieldByteCount { self.endForExcess() }
        defer { if self.meter.idleFrameCount >= self.limits.idleFrames { self.endForExcess() } }
        let taken = unsafe input.withUnsafeBufferPointer { input in
            unsafe nghttp2_session_mem_recv(self.session, input.baseAddress, input.count)
        }
        return taken >= 0 && !self.isBroken
    }

    /// What has happened, in order, once.
    package func nextEvent() -> HTTP2Event? {
        guard self.eventsTaken < self.events.count else {
            self.events.removeAll(keepingCapacity: true)
            self.eventsTaken = 0
            return nil
        }
        defer { self.eventsTaken += 1 }
        return self.events[self.eventsTaken]
    }

    package var streamCount: Int { self.streams.count }

    /// The number of the head that has begun and is not complete. No other stream's frames can complete it or come before
    /// its end.
    package var openHead: Int? { self.meter.openHead }

    // Of a stream that is gone, each of these returns nil, false or nothing.

    /// Whether more of a request is to come.
    package func isReceiving(_ id: HTTP2StreamID) -> Bool { self.streams[id.slot]?.isReceiving == true }

    /// Takes out the head of a request, once it has come.
    package func takeHead(of id: HTTP2StreamID) throws(RequestError) -> RequestHead? {
        guard let hasBody = self.streams[id.slot]?.hasBody, let head = self.streams[id.slot]?.head else { return nil }
        self.streams[id.slot]?.head = nil
        self.headByteCount -= head.heldByteCount
        return try head.head(hasBody: hasBody)
    }

    /// Lends the body of a complete request.
    package func withBody<Result>(of id: HTTP2StreamID, _ body: (Span<UInt8>) -> Result) -> Result? {
        self.streams[id.slot]?.body.withBytes(body)
    }

    /// Wipes what has come of a body, and keeps nothing of what is still to come.
    package func dropBody(of id: HTTP2StreamID) {
        self.heldByteCount -= self.streams[id.slot]?.body.byteCount ?? 0
        self.streams[id.slot]?.dropBody()
    }

    /// Bytes of an answer's body that are not in frames yet.
    package func unsentByteCount(of id: HTTP2StreamID) -> Int { self.streams[id.slot]?.answer.byteCount ?? 0 }

    // MARK: Out

    /// Asks for the body that the client waits to send.
    package func askForBody(of id: HTTP2StreamID) {
        guard let number = self.streams[id.slot]?.number else { return }
        unsafe self.withFields(upTo: 16) {
            $0.appendField(":status", to: &$1) { $0.append(decimal: 100) }
        } submit: { fields, count in
            unsafe nghttp2_submit_headers(
                self.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), number, nil, fields, count, nil)
        }
    }

    /// Answers a request, be it complete or not. The first answer counts.
    ///
    /// - Parameter body: of the length that the head announces, or empty for an answer to HEAD.
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

    /// Gives a stream up: the client is told that nobody works on it any more.
    package func cancel(_ id: HTTP2StreamID) {
        guard let number = self.streams[id.slot]?.number else { return }
        unsafe nghttp2_submit_rst_stream(self.session, 0, number, NGHTTP2_CANCEL.rawValue)
    }

    /// Says that no new request will be taken soon. The client shows that it knows by ``HTTP2Event/pingAnswered``.
    package func announceEnd() { unsafe nghttp2_submit_shutdown_notice(self.session) }

    /// Says which request was the last to be taken. Those up to it are answered.
    package func beginEnd() {
        unsafe nghttp2_submit_goaway(
            self.session, 0, nghttp2_session_get_last_proc_stream_id(self.session), NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    /// Ends the connection for what the client does to it.
    package func endForExcess() {
        unsafe nghttp2_session_terminate_session(self.session, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
    }

    /// Whether nothing more will be read or written.
    package var isOver: Bool {
        unsafe nghttp2_session_want_read(self.session) == 0 && nghttp2_session_want_write(self.session) == 0
    }

    /// Appends frames that are ready to be sent, until `output` has more than `byteCountMax` bytes.
    ///
    /// - Returns: whether there is more to be written; nil if the connection is of no use any more.
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
