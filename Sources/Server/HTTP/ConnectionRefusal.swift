// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import NIOCore
import WipedBuffers

/// Tells one connection too many to come back later: 503 before it has asked anything, then the end.
///
/// What the client sends is thrown away until it closes or the time is up: a client that finds the connection closed
/// when it sends its request may not look for an answer.
final class ConnectionRefusal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let front: any Front
    private let lingerTimeout: TimeAmount
    private var end: Scheduled<Void>?

    init(front: any Front, lingerTimeout: TimeAmount) {
        self.front = front
        self.lingerTimeout = lingerTimeout
    }

    func channelActive(context: ChannelHandlerContext) {
        var date = HTTPDateCache()
        var writer = ResponseWriter(
            buffer: ByteBuffer(), date: date.current(), requestID: nil, keepsAlive: false, omitsBody: false)
        writer.write(self.front.refusal(.serviceUnavailable, "too many connections"))
        context.writeAndFlush(self.wrapOutboundOut(writer.buffer), promise: nil)
        context.close(mode: .output, promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        self.end = context.eventLoop.scheduleTask(in: self.lingerTimeout) { bound.value.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.unwrapInboundIn(data).wipeInPlace()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) { self.end?.cancel() }
}
