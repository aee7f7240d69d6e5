// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc
import HTTPMessages
import KESProtocol
import KeyService
import NIOCore
import NIOPosix
import TestSupport

/// A way to a running server from outside its process: HTTP/1.1 on a Unix socket, so that no fault stands in the way.
///
///     PUT    /faults        what is on from now on, one a line; see ``Disturbances``
///     DELETE /faults        none any more
///     POST   /release       send the answers that are held
///     POST   /drain         end all connections in good order
///     POST   /reset         end all connections at once
///     POST   /forget        let no TLS session of before be resumed
///     GET    /state         what the server has seen, as JSON
extension FakeKES {
    /// Takes such connections from now on, to the end of the process.
    package func serveControl(at path: String) async throws {
        unsafe unlink(path)
        _ = try await ServerBootstrap(group: self.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ControlConnection(server: self))
                }
            }
            .bind(unixDomainSocketPath: path)
            .get()
    }
}

private final class ControlConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: FakeKES
    private var parser = RequestParser()
    private var input = ByteBuffer()
    private var head: RequestHead?
    private var body: [UInt8] = []

    init(server: FakeKES) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        self.input.writeBuffer(&bytes)
        do {
            while try self.proceed(context) {}
        } catch {
            context.close(promise: nil)
        }
    }

    private func proceed(_ context: ChannelHandlerContext) throws -> Bool {
        let bytes = Array(self.input.readableBytesView)
        var consumed = 0
        let step = try self.parser.next(bytes.span, consumed: &consumed)
        self.input.moveReaderIndex(forwardBy: consumed)
        switch step {
        case .needMoreData: return false
        case .head(let head): self.head = head
        case .body(let range): self.body += bytes[range]
        case .end: self.finish(context)
        }
        return true
    }

    private func finish(_ context: ChannelHandlerContext) {
        guard let head = self.head else { return }
        let answer = self.answer(head.method.name, String(decoding: head.target, as: UTF8.self))
        self.body = []
        var bytes = ByteBuffer()
        var date = AnswerDate()
        answer.writeHTTP1(
            to: &bytes, date: date.current(), closes: !head.keepsAlive, mayChunk: false, omitsBody: head.method == .head
        )
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
        if !head.keepsAlive { context.close(promise: nil) }
    }

    private func answer(_ method: String, _ target: String) -> Answer {
        switch (method, target) {
        case ("GET", "/state"): return Answer(json: self.server.snapshot.json)
        case ("PUT", "/faults"):
            do {
                self.server.disturbances = try Disturbances(String(decoding: self.body, as: UTF8.self))
            } catch {
                return Answer(status: 400, contentType: "text/plain", body: ByteBuffer(string: "\(error)\n"))
            }
        case ("DELETE", "/faults"): self.server.disturbances = Disturbances()
        case ("POST", "/release"): self.server.release()
        case ("POST", "/drain"): self.server.drainConnections()
        case ("POST", "/reset"): self.server.resetConnections()
        case ("POST", "/forget"): self.server.forgetSessions()
        case _: return .notFound
        }
        return .empty
    }
}

extension Journal.Snapshot {
    /// The open connections, and counts.
    fileprivate var json: [UInt8] {
        JSONWriter.object(escaping: .plain) { json in
            json.member("sockets", self.socketCount)
            json.member("held", self.heldCount)
            json.member("requests") { json in
                json.object { json in
                    for (endpoint, count) in self.requestCounts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                        json.member(endpoint.path, count)
                    }
                }
            }
            json.member("connections") { json in
                json.array { json in
                    for connection in self.openConnections { json.object { connection.write(to: &$0) } }
                }
            }
        } + "\n".utf8
    }
}

extension ConnectionReport {
    fileprivate func write(to json: inout JSONWriter) {
        json.member("number", self.number)
        json.member("http", self.httpVersion.rawValue)
        json.member("tls", self.tlsVersion.rawValue)
        json.member("resumed", self.isResumed)
        json.member("requests", self.requestCount)
        if let certificate = self.certificate {
            json.member("identity", certificate.identity)
            json.member("serial", certificate.serial)
        }
    }
}
