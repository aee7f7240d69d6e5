// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore

/// The handler next to the socket, below TLS: it can break a connection without TLS being asked.
final class Wire: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Resets the connection, whatever is still to be sent.
    func reset() {
        guard let context = self.context else { return }
        Self.makeCloseReset(context.channel)
        context.close(promise: nil)
    }

    /// Resets it once a client has had time to read what it was sent; no server can tell when it has.
    func resetSoon() {
        guard let context = self.context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(20)) { bound.value.reset() }
    }

    /// Resets a connection, whether or not TLS has begun on it. To be called on its event loop.
    static func reset(_ channel: any Channel) {
        if let wire = try? channel.pipeline.syncOperations.handler(type: Wire.self) {
            wire.reset()
        } else {
            Self.makeCloseReset(channel)
            channel.close(promise: nil)
        }
    }

    /// Has the next close of the socket send RST.
    static func makeCloseReset(_ channel: any Channel) {
        guard let socket = channel as? any SocketOptionProvider else { return }
        // It fails only where the connection has ended already.
        socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenFailure { _ in }
    }
}

/// Gathers what is written until it is flushed, for TLS makes a record of every write. HTTP/2 writes a header and its data
/// apart.
final class WriteGathering: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var gathered = ByteBuffer()
    private var promise: EventLoopPromise<Void>?
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        self.gathered.writeImmutableBuffer(self.unwrapOutboundIn(data))
        if let promise {
            let gathered = self.promise ?? context.eventLoop.makePromise(of: Void.self)
            self.promise = gathered
            gathered.futureResult.cascade(to: promise)
        }
    }

    func flush(context: ChannelHandlerContext) {
        if self.gathered.readableBytes > 0 {
            context.write(self.wrapOutboundOut(self.gathered), promise: self.promise)
            self.gathered = ByteBuffer()
            self.promise = nil
        }
        context.flush()
    }

    /// Sends bytes past HTTP/2.
    func send(raw bytes: ByteBuffer) {
        guard let context = self.context else { return }
        self.gathered.writeImmutableBuffer(bytes)
        self.flush(context: context)
    }
}
