// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import Cryptography
import Linux

/// What a server of TLS shows of itself, and what it asks of clients: made once, shared by many connections.
///
/// TLS 1.2 and 1.3; forward secrecy and authenticated encryption only; no compression, no renegotiation. A client is
/// asked for a certificate and may have none. Without authorities any certificate will do, be it self-signed, expired or
/// meant for something else: it proves that the client has its key, and the key is the identity. With authorities, one that
/// is sent must come from them, hold at this time and be for clients. Either way ``ClientKeyFault`` refuses weak keys.
///
/// **Resumption.** A ticket carries the identity of the full handshake, so that a resumed connection is judged by the
/// same. Sessions without an identity are not resumed. A resumed session gets no new ticket, so that a client proves its
/// key at least every ``sessionSeconds``. With authorities there are no tickets: a chain would have to be verified again,
/// and the ticket has but its first certificate.
///
/// **What stays in memory.** OpenSSL allocates in locked memory; plaintext is wiped out of its read buffer as it is handed
/// over, and it enciphers in place what it sends. The buffers of idle connections are given back.
///
/// `@unchecked Sendable`: nobody changes it once it is made, and its references are counted atomically.
@safe package final class TLSContext: @unchecked Sendable {
    let context: OpaquePointer

    /// How long a session may be resumed.
    private static let sessionSeconds = 300
    /// Bytes of a record: room for most answers, also of several streams together, and little to wipe.
    private static let recordByteCountMax = 4096
    /// At least 112 bits of security for the server's own key, for chains and for signatures, whatever OpenSSL's
    /// configuration says.
    private static let securityLevel: CInt = 2
    /// For TLS 1.2; those of 1.3 are all of this kind.
    private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"

    /// - Parameters:
    ///   - identity: certificate, chain and key.
    ///   - clientAuthorities: of whom clients must have their certificates; nil to accept any. They need not be roots.
    /// - Throws: `.refused` when OpenSSL has a rule against the pair; `.failed`.
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
        BrokenPipes.ignore()  // OpenSSL writes to sockets in a way that would raise a signal.
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
        // A server keeps no sessions: tickets carry them. What it resumes must be its own all the same.
        unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        unsafe SSL_CTX_set_timeout(context, Self.sessionSeconds)
        unsafe SSL_CTX_set_num_tickets(context, 0)  // Until a client has shown an identity.
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
        // As Go has it: whatever the operator trusts is an anchor, be it self-signed or not.
        unsafe X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(self.context), UInt(X509_V_FLAG_PARTIAL_CHAIN))
        unsafe SSL_CTX_set_cert_verify_callback(self.context, ClientCertificateCallbacks.verify, nil)
        unsafe keyside_tls_forbid_tickets(self.context)
    }
}
