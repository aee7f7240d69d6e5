// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import NIOCore

/// Tells one connection too many to come back later: 503 before it has asked anything, then the end.
final class ConnectionRefusal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let front: any Front

    init(front: any Front) { self.front = front }

    func channelActive(context: ChannelHandlerContext) {
        var date = HTTPDateCache()
        var writer = ResponseWriter(
            buffer: ByteBuffer(), date: date.current(), requestID: nil, keepsAlive: false, omitsBody: false)
        writer.write(self.front.refusal(.serviceUnavailable, "too many connections"))
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(self.wrapOutboundOut(writer.buffer)).whenComplete { _ in
            bound.value.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
