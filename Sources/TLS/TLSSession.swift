// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Cryptography
package import Linux
import LockedMemory

/// The server side of one TLS connection over a non-blocking socket.
///
/// Create it when the first byte arrives, so that clients that only connect cost no TLS state.
///
/// OpenSSL keeps the state of the connection in ``MemoryShare/clients``, and record buffers in ``MemoryShare/records``
/// if the client is authenticated. Beyond those shares it uses ordinary memory, so no number of clients makes an
/// allocation fail.
@safe package struct TLSSession: ~Copyable {
    package enum Handshake: Equatable {
        /// More input or output is needed; see ``TLSSession/needsRoom``.
        case underWay
        case done
        /// The client speaks HTTP without TLS. Nothing was sent to it.
        case plainHTTP
        case failed(reason: String)
    }

    /// Whether the handshake is complete.
    package private(set) var isEstablished = false
    /// Who the client is, once the handshake is over.
    package private(set) var credential = PeerCredential.none
    /// Whether something has to go before anything else can be done.
    package private(set) var needsRoom = false
    /// Whether input may have been read from the socket that no caller has received yet.
    package private(set) var mayHoldInput = false

    /// Whether records may use ``MemoryShare/records``, which is reserved for authenticated clients.
    package var isAuthenticated = false

    private let ssl: OpaquePointer
    /// Nothing can be sent any more, not even the closing alert.
    private var isBroken = false

    /// - Returns: nil if there is no memory.
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
            self.mayHoldInput = true  // Data may have arrived with the end of the handshake.
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

    // MARK: Results of the handshake

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

    /// The identity from the certificates that the client sent in this handshake.
    static func sentCredential(on ssl: OpaquePointer) -> PeerCredential {
        // On a server, the chain excludes the first certificate.
        let others = unsafe Self.certificates(in: SSL_get_peer_cert_chain(ssl))
        return unsafe PeerCredential(leaf: SSL_get0_peer_certificate(ssl), others: others)
    }

    /// The identity from the ticket of a resumed session.
    static func credential(inTicketOf session: OpaquePointer?) -> PeerCredential {
        var data: UnsafeMutableRawPointer?
        var byteCount = 0
        guard let session = unsafe session,
            unsafe SSL_SESSION_get0_ticket_appdata(session, &data, &byteCount) == 1
        else { return .none }
        return PeerCredential(ticketData: unsafe Array(UnsafeRawBufferPointer(start: data, count: byteCount)))
    }

    /// The members of OpenSSL's `STACK_OF(X509)`, which keeps ownership.
    static func certificates(in stack: OpaquePointer?) -> [OpaquePointer] {
        unsafe (0..<max(0, OPENSSL_sk_num(stack))).compactMap { unsafe OpaquePointer(OPENSSL_sk_value(stack, $0)) }
    }

    // MARK: Failed handshakes

    /// Stores why a client's key is refused, until ``shakeHands()`` returns. A number in place of a pointer, so there
    /// is nothing to release.
    static func keep(_ fault: ClientKeyFault, on ssl: OpaquePointer) {
        unsafe SSL_set_ex_data(ssl, Self.faultIndex, UnsafeMutableRawPointer(bitPattern: fault.rawValue))
    }

    /// Reserved by OpenSSL for applications, as in `SSL_set_app_data`.
    private static let faultIndex: CInt = 0

    /// Why the client's certificate was refused; nil if the handshake failed for another reason.
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

    /// Appends received plaintext that fits: all of it, unless `buffer` has less room than a record, 16 KiB.
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
                    self.mayHoldInput = true  // Earlier bytes are served first; the next call reports the end again.
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

    /// Encrypts and sends bytes in as few records as possible. Bytes that are not accepted must be offered again, with
    /// or without more bytes behind them.
    ///
    /// - Returns: the number of accepted bytes; nil if the connection is broken.
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

    /// Whether OpenSSL keeps its record buffers, about 30 KiB, between records. Otherwise it releases them after each
    /// record. They hold no plaintext in either case; see ``TLSContext``.
    package func keepBuffers(_ keeps: Bool) {
        let command = keeps ? SSL_CTRL_CLEAR_MODE : SSL_CTRL_MODE
        unsafe SSL_ctrl(self.ssl, command, Int(SSL_MODE_RELEASE_BUFFERS), nil)
        if !keeps { unsafe SSL_free_buffers(self.ssl) }
    }

    /// Sends the closing alert, so that the client can distinguish the end from a truncation.
    package mutating func endSending() {
        guard self.isEstablished, !self.isBroken else { return }
        self.isBroken = true  // The alert is sent once.
        ERR_clear_error()
        _ = self.recordShare.whileCurrent { unsafe SSL_shutdown(self.ssl) }
        ERR_clear_error()
    }

    /// Errors left in the queue would be attributed to the next call. Clearing an empty queue costs time, too.
    private static func clearErrors() {
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    private var recordShare: MemoryShare { self.isAuthenticated ? .records : .clients }

    private enum Outcome {
        case wait, end, failed
    }

    /// The outcome of a call that did not complete. If it failed, OpenSSL's reason stays in the error queue.
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
