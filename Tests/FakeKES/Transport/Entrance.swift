// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP2
import NIOSSL
import NIOTLS
import TestSupport

/// Where a connection comes in: through TLS, to the HTTP version that both sides want.
final class Entrance: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let server: ServerState
    private let wire: Wire
    private let tls: NIOSSLServerHandler
    /// What the client has shown; none on a resumed session, where it shows nothing.
    private let presented: PresentedCertificates
    /// Whether TLS checks certificates itself, and so presents none.
    private let verifies: Bool

    private init(
        server: ServerState, wire: Wire, tls: NIOSSLServerHandler, presented: PresentedCertificates, verifies: Bool
    ) {
        self.server = server
        self.wire = wire
        self.tls = tls
        self.presented = presented
        self.verifies = verifies
    }

    /// Why a connection is not let in. Its channel is closed.
    private enum Refusal: Error { case byTheDoor }

    static func admit(_ channel: any Channel, to server: ServerState) throws {
        let connectionFaults = server.connectionFaults
        let count = server.journal.socketOpened()
        channel.closeFuture.whenComplete { _ in server.journal.socketClosed() }
        server.sockets.add(channel)
        guard count <= connectionFaults.connectionCountMax ?? .max else { throw Refusal.byTheDoor }
        switch connectionFaults.handshake {
        case .completes: break
        case .hangs: return
        case .closes: throw Refusal.byTheDoor
        case .resets:
            Wire.makeCloseReset(channel)
            throw Refusal.byTheDoor
        }
        let wire = Wire()
        let presented = PresentedCertificates()
        let tls = Self.makeTLS(
            try server.tls.context(
                for: connectionFaults, demandsCertificate: !server.responder.access.skipsAuthentication),
            verifies: connectionFaults.verifiesClients, presented)
        try channel.pipeline.syncOperations.addHandlers([
            wire, tls,
            Entrance(
                server: server, wire: wire, tls: tls, presented: presented, verifies: connectionFaults.verifiesClients),
        ])
    }

    private static func makeTLS(
        _ context: NIOSSLContext, verifies: Bool, _ presented: PresentedCertificates
    ) -> NIOSSLServerHandler {
        guard !verifies else { return NIOSSLServerHandler(context: context) }
        return NIOSSLServerHandler(context: context) { certificates, promise in
            presented.certificates = certificates
            promise.succeed(.certificateVerified)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted(let negotiated) = event as? TLSUserEvent else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        do {
            try self.open(context, negotiated == "h2" ? .http2 : .http11)
        } catch {
            context.close(promise: nil)
        }
    }

    private func open(_ context: ChannelHandlerContext, _ httpVersion: ConnectionFaults.HTTPVersion) throws {
        let earlier = self.presented.certificates.isEmpty ? self.tls.peerCertificate : nil
        let shown = earlier.map { [$0] } ?? self.presented.certificates
        let certificates = try shown.map { try CertificateFacts($0.toDERBytes()) }
        let caller = Caller(presenting: certificates)
        let record = self.server.journal.connectionOpened { number in
            ConnectionRecord(
                number, on: context.channel, httpVersion: httpVersion,
                tlsVersion: self.tls.tlsVersion == .tlsv13 ? .tls13 : .tls12, certificate: caller.certificate,
                isResumed: earlier != nil && !self.verifies)
        }
        let connection = ServedConnection(server: self.server, record: record, caller: caller, wire: self.wire)
        let pipeline = context.pipeline.syncOperations
        switch httpVersion {
        case .http11:
            try pipeline.addHandler(HTTP1Connection(connection))
        case .http2:
            let gathering = WriteGathering()
            try pipeline.addHandlers([
                gathering, HTTP2Connection.makeHandler(), HTTP2Connection(connection, gathering: gathering),
            ])
        }
        pipeline.removeHandler(self, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// What TLS was shown, on its way from the handshake to the connection; both are on one event loop.
private final class PresentedCertificates {
    var certificates: [NIOSSLCertificate] = []
}
