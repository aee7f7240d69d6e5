// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import Cryptography
import Linux

/// The TLS configuration of a listener: its certificate and its requirements on clients. Shared by its connections.
///
/// TLS 1.2 and 1.3; forward secrecy and authenticated encryption only; no compression, no renegotiation. A client
/// certificate is requested but optional. Without client CA certificates, any certificate is accepted, even a
/// self-signed or expired one, or one for another purpose: it proves that the client has its key, and the key is the
/// identity. With client CA certificates, a client certificate must chain to one of them, be valid, and be meant for
/// clients. In both cases ``ClientKeyFault`` refuses weak keys.
///
/// **Resumption.** A ticket carries the identity of the full handshake, so a resumed connection has the same identity.
/// Sessions without an identity are not resumed. A resumed session gets no new ticket, so a client proves its key at
/// least every ``sessionSeconds``. With client CA certificates there are no tickets: the chain would have to be
/// verified again, but the ticket has only the first certificate.
///
/// **Memory.** OpenSSL allocates in locked memory. It wipes plaintext from its read buffer when it returns it, and
/// encrypts in place. Idle connections have no buffers.
///
/// `@unchecked Sendable`: immutable after `init`, and OpenSSL counts references atomically.
@safe package final class TLSContext: @unchecked Sendable {
    let context: OpaquePointer

    /// How long a session can be resumed.
    private static let sessionSeconds = 300
    /// Maximum record length in bytes: enough for most answers, also of several streams, and quick to wipe.
    private static let recordByteCountMax = 4096
    /// At least 112 bits of security for the server's key, for chains and for signatures, regardless of OpenSSL's
    /// configuration.
    private static let securityLevel: CInt = 2
    /// For TLS 1.2. All cipher suites of TLS 1.3 have these properties.
    private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"

    /// - Parameters:
    ///   - identity: certificate, chain and key.
    ///   - clientAuthorities: CA certificates for client certificates, not necessarily roots; nil accepts any
    ///     certificate.
    /// - Throws: `.refused` if OpenSSL rejects the pair; `.failed`.
    package init(_ identity: CertifiedKey, clientAuthorities: [Certificate]? = nil) throws(CredentialError) {
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else {
            throw .failed(.reported(by: "SSL_CTX_new"))
        }
        unsafe self.context = context
        unsafe SSL_CTX_set_security_level(context, max(Self.securityLevel, SSL_CTX_get_security_level(context)))
        guard unsafe identity.install(in: context) else { throw .refused(reason: OpenSSLLibrary.takeReason()) }
        do throws(CryptographyError) {
            try self.configure()
            if let clientAuthorities {
                try self.verifyClients(by: clientAuthorities)
            } else {
                self.acceptAnyClient()
            }
        } catch {
            throw .failed(error)
        }
        BrokenPipes.ignore()  // OpenSSL's writes to closed sockets raise SIGPIPE.
    }

    deinit { unsafe SSL_CTX_free(self.context) }

    private func configure() throws(CryptographyError) {
        let context = unsafe self.context
        unsafe keyside_tls_set_options(context)
        guard unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil) == 1,
            unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_SEND_FRAGMENT, Self.recordByteCountMax, nil) == 1,
            unsafe SSL_CTX_set_cipher_list(context, Self.ciphers) == 1
        else { throw .reported(by: "SSL_CTX_set_cipher_list") }
        unsafe SSL_CTX_set_alpn_select_cb(context, TLSCallbacks.selectProtocol, nil)
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        // The server stores no sessions: tickets carry them. It resumes only sessions of its own.
        unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        unsafe SSL_CTX_set_timeout(context, Self.sessionSeconds)
        unsafe SSL_CTX_set_num_tickets(context, 0)  // Until a client has proven an identity.
        guard unsafe SSL_CTX_set_session_id_context(context, Array("keyside".utf8), 7) == 1 else {
            throw .reported(by: "SSL_CTX_set_session_id_context")
        }
    }

    private func acceptAnyClient() {
        unsafe SSL_CTX_set_cert_verify_callback(self.context, ClientCertificateCallbacks.acceptAny, nil)
        unsafe SSL_CTX_set_session_ticket_cb(
            self.context, ClientCertificateCallbacks.fillTicket, ClientCertificateCallbacks.openTicket, nil)
    }

    private func verifyClients(by authorities: [Certificate]) throws(CryptographyError) {
        let trust = try TrustStore(includingSystem: false)
        for certificate in authorities { try trust.add(certificate) }
        unsafe trust.install(in: self.context)
        // As in Go: each trusted certificate is an anchor, self-signed or not.
        unsafe X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(self.context), UInt(X509_V_FLAG_PARTIAL_CHAIN))
        unsafe SSL_CTX_set_cert_verify_callback(self.context, ClientCertificateCallbacks.verify, nil)
        unsafe keyside_tls_forbid_tickets(self.context)
    }
}
