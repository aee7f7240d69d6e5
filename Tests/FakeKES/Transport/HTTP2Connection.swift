// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK
import NIOHTTP2

/// A connection of HTTP/2. The streams share its channel: a channel for each costs as much as the rest of the answer.
final class HTTP2Connection: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let connection: ServedConnection
    private let gathering: WriteGathering
    private var date = AnswerDate()
    private var streams: [HTTP2StreamID: Stream] = [:]
    private var lastStreamID = HTTP2StreamID.rootStream
    /// Of the connection's window.
    private var unacknowledgedByteCount = 0
    /// GOAWAY is sent: the connection closes after its last stream.
    private var isDraining = false
    private var isOver = false

    /// A request from its head to its answer.
    private final class Stream {
        let id: HTTP2StreamID
        let opening: Opening
        let began = NIODeadline.now()
        let isHead: Bool
        let lengthWasAnnounced: Bool
        var body = ByteBuffer()
        var bodyByteCount = 0
        var pending: PendingAnswer?
        /// The answer is sent, or nobody wants it any more.
        var isOver = false

        init(_ id: HTTP2StreamID, _ opening: Opening, isHead: Bool, lengthWasAnnounced: Bool) {
            self.id = id
            self.opening = opening
            self.isHead = isHead
            self.lengthWasAnnounced = lengthWasAnnounced
        }
    }

    /// As Go's server has it, and as much as a body may have.
    private static let streamWindow = 1 << 20
    private static let connectionWindow = 16 << 20
    /// RFC 9113, section 6.9.2.
    private static let initialWindow = 65_535

    init(_ connection: ServedConnection, gathering: WriteGathering) {
        self.connection = connection
        self.gathering = gathering
    }

    /// What makes frames of bytes. It suspects nobody, for a test's client may do what it likes.
    static func makeHandler() -> NIOHTTP2Handler {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: 250),
            HTTP2Setting(parameter: .initialWindowSize, value: Self.streamWindow),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 1 << 20),
        ]
        connection.headerBlockValidation = .disabled
        connection.contentLengthValidation = .disabled
        connection.maximumSequentialEmptyDataFrames = .max
        connection.maximumConnectionGlitches = .max
        connection.controlFrameRateLimit.maximumCount = .max
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.streamResetFrameRateLimit.maximumCount = .max
        stream.streamErrorRateLimit.maximumCount = .max
        return NIOHTTP2Handler(mode: .server, connectionConfiguration: connection, streamConfiguration: stream)
    }

    // MARK: What the channel says

    func handlerAdded(context: ChannelHandlerContext) {
        self.widenWindow(context, of: .rootStream, by: Self.connectionWindow - Self.initialWindow)
        context.flush()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isOver else { return }
        let frame = self.unwrapInboundIn(data)
        switch frame.payload {
        case .headers(let headers): self.begin(context, frame.streamID, headers)
        case .data(let data): self.take(context, frame.streamID, data)
        case .rstStream: self.forget(frame.streamID)
        case .priority, .settings, .pushPromise, .ping, .goAway, .windowUpdate, .alternativeService, .origin: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
        self.closeIfDrained(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            self.drain(context)
            context.flush()
            self.closeIfDrained(context)
        } else if let closed = event as? StreamClosedEvent {
            self.forget(closed.streamID)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isOver = true
        for stream in self.streams.values { stream.pending?.cancel() }
        self.streams = [:]
        context.fireChannelInactive()
    }

    // MARK: Requests

    private func begin(
        _ context: ChannelHandlerContext, _ id: HTTP2StreamID, _ headers: HTTP2Frame.FramePayload.Headers
    ) {
        if let stream = self.streams[id] {
            if headers.endStream { self.finish(context, stream) }  // These are trailers.
            return
        }
        var method = ""
        var path = ""
        var lengthWasAnnounced = headers.endStream
        for (name, value, _) in headers.headers {
            switch name {
            case ":method": method = value
            case ":path": path = value
            case "content-length": lengthWasAnnounced = true
            case _: break
            }
        }
        self.lastStreamID = max(self.lastStreamID, id)
        let opening = self.connection.open(method: method, target: Array(path.utf8))
        let stream = Stream(id, opening, isHead: method == "HEAD", lengthWasAnnounced: lengthWasAnnounced)
        self.streams[id] = stream
        if headers.endStream { self.finish(context, stream) }
    }

    private func take(_ context: ChannelHandlerContext, _ id: HTTP2StreamID, _ data: HTTP2Frame.FramePayload.Data) {
        guard case .byteBuffer(let bytes) = data.data else { return }
        let byteCount = bytes.readableBytes + (data.paddingBytes.map { $0 + 1 } ?? 0)
        self.unacknowledgedByteCount += byteCount
        if self.unacknowledgedByteCount > Self.connectionWindow / 2 {
            self.widenWindow(context, of: .rootStream, by: self.unacknowledgedByteCount)
            self.unacknowledgedByteCount = 0
        }
        guard let stream = self.streams[id] else { return }
        stream.bodyByteCount += bytes.readableBytes
        if stream.bodyByteCount <= stream.opening.bodyByteCountMax { stream.body.writeImmutableBuffer(bytes) }
        if data.endStream {
            self.finish(context, stream)
        } else if stream.bodyByteCount > Self.streamWindow / 2 {
            // The window has room for every body that is looked at; one that is not must end too.
            self.widenWindow(context, of: id, by: byteCount)
        }
    }

    private func widenWindow(_ context: ChannelHandlerContext, of id: HTTP2StreamID, by byteCount: Int) {
        self.write(context, id, .windowUpdate(windowSizeIncrement: byteCount))
    }

    private func finish(_ context: ChannelHandlerContext, _ stream: Stream) {
        let (answer, verdict) = Self.answer(self.connection, stream, stream.body)
        guard let verdict else { return self.send(context, answer, .whole, on: stream) }
        let bound = NIOLoopBound((self, context, stream), eventLoop: context.eventLoop)
        let pending = self.connection.carryOut(verdict, on: context.eventLoop) {
            let (handler, context, stream) = bound.value
            handler.send(context, answer, verdict.delivery, on: stream)
            context.flush()
            handler.closeIfDrained(context)
        }
        if let pending { stream.pending = pending }
    }

    private static func answer(
        _ connection: ServedConnection, _ stream: Stream, _ body: borrowing ByteBuffer
    ) -> (Answer, Verdict?) {
        let byteCountMax = stream.opening.bodyByteCountMax
        let isTooLong = byteCountMax > 0 && stream.bodyByteCount > byteCountMax
        return connection.answer(
            stream.opening, body: isTooLong ? nil : body.readableBytesUInt8Span,
            lengthWasAnnounced: stream.lengthWasAnnounced, since: stream.began)
    }

    private func forget(_ id: HTTP2StreamID) {
        guard let stream = self.streams.removeValue(forKey: id) else { return }
        stream.isOver = true
        stream.pending?.cancel()
    }

    // MARK: Answers

    private func send(
        _ context: ChannelHandlerContext, _ answer: Answer, _ delivery: Verdict.Delivery, on stream: Stream
    ) {
        guard !self.isOver, !stream.isOver else { return }
        let id = stream.id
        let body = stream.isHead ? ByteBuffer() : answer.body
        let half = body.getSlice(at: body.readerIndex, length: body.readableBytes / 2) ?? ByteBuffer()
        switch delivery {
        case .whole, .last:
            self.writeHead(context, answer, on: id, endsStream: body.readableBytes == 0)
            if body.readableBytes > 0 { self.writeData(context, body, on: id, endsStream: true) }
            self.forget(id)
            if case .last = delivery { self.drain(context) }
        case .reset(.before):
            self.reset()
        case .reset(.inside):
            self.writeHead(context, answer, on: id, endsStream: false)
            self.writeData(context, half, on: id, endsStream: false, thenResets: true)
        case .reset(.after):
            self.writeHead(context, answer, on: id, endsStream: false)
            self.writeData(context, body, on: id, endsStream: true)
            self.forget(id)
            self.connection.wire.resetSoon()
        case .truncated:
            self.writeHead(context, answer, on: id, endsStream: false)
            self.writeData(context, half, on: id, endsStream: true)
            self.forget(id)
        case .garbage:
            context.flush()
            self.gathering.send(raw: .garbage)
            self.isOver = true
            context.close(promise: nil)
        case .refused:
            self.write(context, id, .rstStream(.refusedStream))
            self.forget(id)
        case .drip(let interval):
            self.writeHead(context, answer, on: id, endsStream: false)
            self.drip(context, body, on: stream, every: interval)
        }
    }

    private func writeHead(_ context: ChannelHandlerContext, _ answer: Answer, on id: HTTP2StreamID, endsStream: Bool) {
        var headers = HPACKHeaders()
        headers.reserveCapacity(4 + answer.fields.count)
        headers.add(name: ":status", value: answer.status == 200 ? "200" : String(answer.status))
        if let contentType = answer.contentType { headers.add(name: "content-type", value: contentType) }
        if answer.lengthIsAnnounced {
            headers.add(name: "content-length", value: String(answer.body.readableBytes))
        }
        headers.add(name: "date", value: self.date.current())
        for field in answer.fields { headers.add(name: field.name.lowercased(), value: field.value) }
        self.write(context, id, .headers(.init(headers: headers, endStream: endsStream)))
    }

    private func writeData(
        _ context: ChannelHandlerContext, _ bytes: ByteBuffer, on id: HTTP2StreamID, endsStream: Bool,
        thenResets: Bool = false
    ) {
        var sent: EventLoopPromise<Void>?
        if thenResets {
            let promise = context.eventLoop.makePromise(of: Void.self)
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            promise.futureResult.whenComplete { _ in bound.value.reset() }
            sent = promise
        }
        self.write(context, id, .data(.init(data: .byteBuffer(bytes), endStream: endsStream)), promise: sent)
    }

    private func write(
        _ context: ChannelHandlerContext, _ id: HTTP2StreamID, _ payload: HTTP2Frame.FramePayload,
        promise: EventLoopPromise<Void>? = nil
    ) {
        context.write(self.wrapOutboundOut(HTTP2Frame(streamID: id, payload: payload)), promise: promise)
    }

    private func drip(
        _ context: ChannelHandlerContext, _ rest: ByteBuffer, on stream: Stream, every interval: TimeAmount
    ) {
        guard !self.isOver, !stream.isOver else { return }
        var rest = rest
        let byte = rest.readSlice(length: min(1, rest.readableBytes)) ?? ByteBuffer()
        let isLast = rest.readableBytes == 0
        self.writeData(context, byte, on: stream.id, endsStream: isLast)
        context.flush()
        if isLast {
            self.forget(stream.id)
            return self.closeIfDrained(context)
        }
        let bound = NIOLoopBound((self, context, stream), eventLoop: context.eventLoop)
        let next = rest
        stream.pending = .delayed(
            context.eventLoop.scheduleTask(in: interval) {
                let (handler, context, stream) = bound.value
                handler.drip(context, next, on: stream, every: interval)
            })
    }

    private func reset() {
        self.isOver = true
        self.connection.wire.reset()
    }

    /// Says that no stream after those that have begun is answered.
    private func drain(_ context: ChannelHandlerContext) {
        guard !self.isDraining, !self.isOver else { return }
        self.isDraining = true
        let goAway = HTTP2Frame.FramePayload.goAway(
            lastStreamID: self.lastStreamID, errorCode: .noError, opaqueData: nil)
        self.write(context, .rootStream, goAway)
    }

    private func closeIfDrained(_ context: ChannelHandlerContext) {
        guard self.isDraining, self.streams.isEmpty, !self.isOver else { return }
        self.isOver = true
        context.close(promise: nil)
    }
}
