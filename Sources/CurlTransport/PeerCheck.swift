// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// OpenSSL's verdict on a server's certificate chain. libcurl reports only that the check failed.
struct PeerCheck {
    struct Refusal {
        let certificate: String
        let reason: String
    }

    /// The server's own certificate: subject, names, issuer. Nil before it was checked, and on a resumed session.
    private(set) var certificate: String?
    /// The first certificate of the chain that was rejected.
    private(set) var refusal: Refusal?

    /// Makes handshakes of an SSL_CTX report to the easy handle, which must outlive it.
    @unsafe static func watch(_ context: OpaquePointer, for handle: EasyHandle) {
        unsafe SSL_CTX_set_ex_data(context, Self.slot, Unmanaged.passUnretained(handle).toOpaque())
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER) { isAccepted, verification in
            guard let verification = unsafe verification, let handle = unsafe PeerCheck.handle(of: verification) else {
                return 0
            }
            unsafe handle.peerCheck.note(verification, isAccepted: isAccepted == 1)
            return isAccepted
        }
    }

    /// The index of the easy handle in an SSL_CTX.
    private static let slot = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nil, nil, nil, nil)

    private static func handle(of verification: OpaquePointer) -> EasyHandle? {
        let session = unsafe X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx())
        guard let session = unsafe session, let context = unsafe SSL_get_SSL_CTX(OpaquePointer(session)),
            let handle = unsafe SSL_CTX_get_ex_data(context, Self.slot)
        else { return nil }
        return unsafe Unmanaged<EasyHandle>.fromOpaque(handle).takeUnretainedValue()
    }

    private mutating func note(_ verification: OpaquePointer, isAccepted: Bool) {
        guard let certificate = unsafe X509_STORE_CTX_get_current_cert(verification) else { return }
        if !isAccepted, self.refusal == nil {
            let error = unsafe X509_STORE_CTX_get_error(verification)
            self.refusal = Refusal(
                certificate: unsafe Self.describe(certificate),
                reason: unsafe String(cString: X509_verify_cert_error_string(Int(error)))
            )
        }
        if unsafe X509_STORE_CTX_get_error_depth(verification) == 0 {
            self.certificate = unsafe Self.describe(certificate)
        }
    }

    /// `CN=kes-1 (DNS:kes-1.example.com, IP Address:10.0.0.1), issued by CN=Example CA`
    private static func describe(_ certificate: OpaquePointer) -> String {
        var text = unsafe Self.name(X509_get_subject_name(certificate))
        let names = unsafe X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1)
        if names >= 0 {
            let list = unsafe Self.print { unsafe X509V3_EXT_print($0, X509_get_ext(certificate, names), 0, 0) }
            text += " (\(list))"
        }
        let issuer = unsafe Self.name(X509_get_issuer_name(certificate))
        return "\(text), issued by \(issuer)"
    }

    private static func name(_ name: OpaquePointer?) -> String {
        let text = unsafe Self.print { unsafe keyside_name_print($0, name) }
        return text.isEmpty ? "(no name)" : text
    }

    /// The text that `body` prints into a BIO, truncated to a line.
    private static func print(_ body: (OpaquePointer) -> CInt) -> String {
        guard let bio = unsafe BIO_new(BIO_s_mem()) else { return "" }
        defer { unsafe BIO_free(bio) }
        _ = unsafe body(bio)
        return unsafe String(unsafeUninitializedCapacity: 512) { buffer in
            max(0, Int(unsafe BIO_read(bio, buffer.baseAddress, CInt(buffer.count))))
        }
    }
}
