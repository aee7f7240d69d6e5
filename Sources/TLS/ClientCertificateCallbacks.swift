// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Cryptography

/// OpenSSL's callbacks for client certificates and session tickets.
enum ClientCertificateCallbacks {
    typealias Verify = @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> CInt

    // MARK: Certificates

    /// Accepts any certificate whose key ``ClientKeyFault`` accepts.
    static let acceptAny: Verify = { verification, _ in
        guard let verification = unsafe verification, let connection = unsafe Self.acceptKey(in: verification) else {
            return 0
        }
        unsafe Self.offerTicket(to: connection, for: verification)
        return 1
    }

    /// Also requires that the certificate chains to a client CA certificate.
    static let verify: Verify = { verification, _ in
        guard let verification = unsafe verification, unsafe Self.acceptKey(in: verification) != nil else { return 0 }
        return unsafe X509_verify_cert(verification)
    }

    /// Checks the key of the first certificate before OpenSSL computes with it.
    ///
    /// - Parameter verification: OpenSSL's `X509_STORE_CTX`.
    /// - Returns: the connection, or nil if the key is refused. The connection then stores the reason.
    private static func acceptKey(in verification: OpaquePointer) -> OpaquePointer? {
        let index = SSL_get_ex_data_X509_STORE_CTX_idx()
        guard let leaf = unsafe X509_STORE_CTX_get0_cert(verification),
            let connection = unsafe X509_STORE_CTX_get_ex_data(verification, index)
        else { return nil }
        guard let fault = unsafe ClientKeyFault(ofKeyIn: leaf) else { return OpaquePointer(connection) }
        unsafe TLSSession.keep(fault, on: OpaquePointer(connection))
        // The client receives the alert bad_certificate (42).
        unsafe X509_STORE_CTX_set_error(verification, X509_V_ERR_CERT_REJECTED)
        return nil
    }

    // MARK: Tickets

    /// Makes TLS 1.3 send a ticket if the certificates give an identity. A session without an identity is not worth
    /// resuming.
    private static func offerTicket(to connection: OpaquePointer, for verification: OpaquePointer) {
        // Unlike the chain of an established session, this list includes the first certificate.
        let sent = unsafe TLSSession.certificates(in: X509_STORE_CTX_get0_untrusted(verification))
        guard case .identity = unsafe PeerCredential(leaf: sent.first, others: sent.dropFirst()) else { return }
        unsafe SSL_set_num_tickets(connection, 1)
    }

    /// Stores the identity in a ticket. TLS 1.2 has already promised a ticket; without an identity, it gets one that
    /// cannot be resumed.
    static let fillTicket: SSL_CTX_generate_session_ticket_fn = { connection, _ in
        guard let connection = unsafe connection else { return 0 }
        guard unsafe SSL_session_reused(connection) == 0 else { return 1 }
        let data = unsafe TLSSession.sentCredential(on: connection).ticketData
        return unsafe SSL_SESSION_set1_ticket_appdata(SSL_get_session(connection), data, data.count)
    }

    /// Resumes a session only if its ticket has an identity; otherwise requires a full handshake.
    static let openTicket: SSL_CTX_decrypt_session_ticket_fn = { _, session, _, _, status, _ in
        guard status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW,
            case .identity = unsafe TLSSession.credential(inTicketOf: session)
        else { return SSL_TICKET_RETURN_IGNORE_RENEW }
        return SSL_TICKET_RETURN_USE
    }
}
