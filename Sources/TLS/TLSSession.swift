// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Cryptography
package import Linux
import LockedMemory

/// The server's side of one connection of TLS, over a socket that does not block.
///
/// It begins with the first byte of the client, so that clients that only connect cost nothing here.
///
/// OpenSSL keeps the state of the connection in ``MemoryShare/clients``, and the buffers that records pass through in
/// ``MemoryShare/records`` if the client is authenticated. Beyond those shares it gets ordinary memory: no number of clients
/// makes an allocation fail.
@safe package struct TLSSession: ~Copyable {
    package enum Handshake: Equatable {
        /// More has to come, or to go: see ``TLSSession/needsRoom``.
        case underWay
        case done
        /// The client speaks HTTP without TLS. Nothing was said to it.
        case plainHTTP
        case failed(reason: String)
    }

    /// Whether the handshake is over.
    package private(set) var isEstablished = false
    /// Who the client is, once the handshake is over.
    package private(set) var credential = PeerCredential.none
    /// Whether something has to go before anything else can be done.
    package private(set) var needsRoom = false
    /// Whether input may have been taken from the socket that nobody has been given.
    package private(set) var mayHoldInput = false

    /// Whether the client's records may pass through ``MemoryShare/records``, which others must not use up.
    package var isAuthenticated = false

    private let ssl: OpaquePointer
    /// Nothing can be sent any more, not even the end.
    private var isBroken = false

    /// - Returns: nil where there is no memory for it.
    package init?(_ context: TLSContext, on socket: borrowing Descriptor) {
        guard let ssl = unsafe MemoryShare.clients.whileCurrent({ unsafe SSL_new(context.context) }) else {
            ERR_clear_error()
            return nil
        }
        guard MemoryShare.clients.whileCurrent({ unsafe SSL_set_fd(ssl, socket.number) }) == 1 else {
            unsafe SSL_free(ssl)
            ERR_clear_error()
            return nil
        }
        unsafe self.ssl = ssl
        unsafe SSL_set_accept_state(ssl)
    }

    deinit { unsafe SSL_free(self.ssl) }

    /// Goes on with the handshake, as far as it goes without waiting.
    ///
    /// Without memory, OpenSSL may finish a handshake and yet not read the client's certificate. So a handshake that is
    /// refused memory as it ends has failed: a client does not lose its identity.
    package mutating func shakeHands() -> Handshake {
        ERR_clear_error()
        let ((result, credential), wereRefused) = RefusedAllocations.during {
            MemoryShare.clients.whileCurrent {
                let result = unsafe SSL_do_handshake(self.ssl)
                return (result, result == 1 ? self.readCredential() : .none)
            }
        }
        guard result != 1 else {
            guard !wereRefused else { return .failed(reason: "no memory") }
            self.credential = credential
            self.isEstablished = true
            self.needsRoom = false
            self.mayHoldInput = true  // It may have come with the end of the handshake.
            return .done
        }
        switch self.outcome(of: result) {
        case .wait: return .underWay
        case .end: return .failed(reason: "the client closed the connection")
        case .failed:
            let isPlain = keyside_tls_is_plain_http(ERR_peek_error()) == 1
            let reason = OpenSSLLibrary.takeReason()
            if isPlain { return .plainHTTP }
            return .failed(reason: wereRefused ? "no memory" : self.certificateFault ?? reason)
        }
    }

    // MARK: What the handshake has brought

    package var speaksHTTP2: Bool {
        var name: UnsafePointer<UInt8>?
        var byteCount: UInt32 = 0
        unsafe SSL_get0_alpn_selected(self.ssl, &name, &byteCount)
        return unsafe UnsafeBufferPointer(start: name, count: Int(byteCount)).elementsEqual("h2".utf8)
    }

    /// A resumed session has the identity of the full handshake before it.
    private func readCredential() -> PeerCredential {
        guard unsafe SSL_session_reused(self.ssl) == 1 else { return unsafe Self.sentCredential(on: self.ssl) }
        return unsafe Self.credential(inTicketOf: SSL_get_session(self.ssl))
    }

    /// What the certificates say that the client has sent in this handshake.
    static func sentCredential(on ssl: OpaquePointer) -> PeerCredential {
        // On a server, the chain is what followed the first certificate.
        let others = unsafe Self.certificates(in: SSL_get_peer_cert_chain(ssl))
        return unsafe PeerCredential(leaf: SSL_get0_peer_certificate(ssl), others: others)
    }

    /// What the ticket says that a session was resumed with.
    static func credential(inTicketOf session: OpaquePointer?) -> PeerCredential {
        var data: UnsafeMutableRawPointer?
        var byteCount = 0
        guard let session = unsafe session,
            unsafe SSL_SESSION_get0_ticket_appdata(session, &data, &byteCount) == 1
        else { return .none }
        return PeerCredential(ticketData: unsafe Array(UnsafeRawBufferPointer(start: data, count: byteCount)))
    }

    /// The members of OpenSSL's `STACK_OF(X509)`, which still owns them.
    static func certificates(in stack: OpaquePointer?) -> [OpaquePointer] {
        unsafe (0..<max(0, OPENSSL_sk_num(stack))).compactMap { unsafe OpaquePointer(OPENSSL_sk_value(stack, $0)) }
    }

    // MARK: Why a handshake failed

    /// Keeps why a client's key is refused, until ``shakeHands()`` returns. As a number in place of a pointer: there is
    /// nothing to release.
    static func keep(_ fault: ClientKeyFault, on ssl: OpaquePointer) {
        unsafe SSL_set_ex_data(ssl, Self.faultIndex, UnsafeMutableRawPointer(bitPattern: fault.rawValue))
    }

    /// Reserved by OpenSSL for its users, as `SSL_set_app_data`.
    private static let faultIndex: CInt = 0

    /// What the client's certificate was refused for, or nil if something else went wrong.
    private var certificateFault: String? {
        if let kept = unsafe SSL_get_ex_data(self.ssl, Self.faultIndex),
            let fault = ClientKeyFault(rawValue: Int(bitPattern: kept))
        {
            return "client certificate refused: \(fault)"
        }
        let result = unsafe SSL_get_verify_result(self.ssl)
        guard Int32(result) != X509_V_OK, let text = unsafe X509_verify_cert_error_string(result) else { return nil }
        return unsafe "client certificate refused: \(String(cString: text))"
    }

    // MARK: Bytes

    /// Appends what has come and fits. All of it, unless `buffer` has room for less than a record, 16 KiB.
    package mutating func receive(into buffer: inout OutputRawSpan) -> Descriptor.Received {
        var total = 0
        while buffer.freeCapacity > 0 {
            Self.clearErrors()
            let (result, byteCount) = unsafe buffer.withUnsafeMutableBytes { bytes, count in
                var received = 0
                let room = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[count...])
                let result = self.recordShare.whileCurrent {
                    unsafe SSL_read_ex(self.ssl, room.baseAddress, room.count, &received)
                }
                count += received
                return (result, received)
            }
            guard result == 1 else {
                switch self.outcome(of: result) {
                case .wait:
                    self.mayHoldInput = false
                    return total > 0 ? .bytes(total) : .nothing
                case .end where total > 0, .failed where total > 0:
                    self.mayHoldInput = true  // What came before it is to be served first; then it shows again.
                    return .bytes(total)
                case .end: return .end
                case .failed: return .failed
                }
            }
            total += byteCount
            self.mayHoldInput = unsafe SSL_has_pending(self.ssl) == 1
            if !self.mayHoldInput { break }
        }
        return total > 0 ? .bytes(total) : .nothing
    }

    /// Sends in as few records as hold them. Bytes that are not taken must be offered again, with or without more behind them.
    ///
    /// - Returns: how many were taken; nil if the connection is broken.
    package mutating func send(_ bytes: Span<UInt8>) -> Int? {
        var taken = 0
        while taken < bytes.count {
            Self.clearErrors()
            var sent = 0
            let result = unsafe bytes.extracting(droppingFirst: taken)
                .withUnsafeBytes { rest in
                    self.recordShare.whileCurrent {
                        unsafe SSL_write_ex(self.ssl, rest.baseAddress, rest.count, &sent)
                    }
                }
            guard result == 1 else {
                guard case .wait = self.outcome(of: result) else { return nil }
                return taken
            }
            self.needsRoom = false
            taken += sent
        }
        return taken
    }

    /// Whether OpenSSL keeps the buffers that records are read and written in, some 30 KiB, for the next. Else it gives
    /// them back after each. There is no plaintext in them either way: see ``TLSContext``.
    package func keepBuffers(_ keeps: Bool) {
        let command = keeps ? SSL_CTRL_CLEAR_MODE : SSL_CTRL_MODE
        unsafe SSL_ctrl(self.ssl, command, Int(SSL_MODE_RELEASE_BUFFERS), nil)
        if !keeps { unsafe SSL_free_buffers(self.ssl) }
    }

    /// Tells the client that this is all, so that it can tell the end from a cut.
    package mutating func endSending() {
        guard self.isEstablished, !self.isBroken else { return }
        self.isBroken = true  // Once is enough.
        ERR_clear_error()
        _ = self.recordShare.whileCurrent { unsafe SSL_shutdown(self.ssl) }
        ERR_clear_error()
    }

    /// What stands in the queue of errors would be taken for the next call's. To clear an empty one costs something, too.
    private static func clearErrors() {
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    private var recordShare: MemoryShare { self.isAuthenticated ? .records : .clients }

    private enum Outcome {
        case wait, end, failed
    }

    /// What became of a call that is not done. Leaves OpenSSL's reason in the error queue where it failed.
    private mutating func outcome(of result: CInt) -> Outcome {
        switch unsafe SSL_get_error(self.ssl, result) {
        case SSL_ERROR_WANT_READ:
            self.needsRoom = false
            return .wait
        case SSL_ERROR_WANT_WRITE:
            self.needsRoom = true
            return .wait
        case SSL_ERROR_ZERO_RETURN:
            self.mayHoldInput = false
            return .end
        case _:
            self.mayHoldInput = false
            self.isBroken = true
            return .failed
        }
    }
}
