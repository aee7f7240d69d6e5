// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import TestSupport

/// Makes the SSL_CTX of a server. It is never freed: connections may outlive the test.
enum ServerContext {
    static func make(
        certificate: TestKeyPair, protocols: [String], clientAuthority: String?
    ) throws(TestFailure) -> OpaquePointer {
        guard let context = SSL_CTX_new(TLS_server_method()),
            let x509 = Self.certificate(certificate.certificate),
            let key = Self.read(certificate.key, { PEM_read_bio_PrivateKey($0, nil, nil, nil) }),
            SSL_CTX_use_certificate(context, x509) == 1, SSL_CTX_use_PrivateKey(context, key) == 1
        else { throw .unusable("OpenSSL makes no server context") }
        if let clientAuthority {
            X509_STORE_add_cert(SSL_CTX_get_cert_store(context), Self.certificate(clientAuthority))
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
        // Each name with its length in front, as they stand in the handshake.
        let names = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        let list = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: names.count + 1)
        list[0] = UInt8(names.count)
        for (index, byte) in names.enumerated() { list[index + 1] = byte }
        SSL_CTX_set_alpn_select_cb(
            context,
            { _, chosen, chosenByteCount, offered, offeredByteCount, own in
                guard let own = own?.assumingMemoryBound(to: UInt8.self), let chosen else {
                    return SSL_TLSEXT_ERR_NOACK
                }
                var name: UnsafeMutablePointer<UInt8>?
                let result = SSL_select_next_proto(
                    &name, chosenByteCount, own + 1, UInt32(own.pointee), offered, offeredByteCount)
                chosen.pointee = UnsafePointer(name)
                return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK
            }, list.baseAddress)
        return context
    }

    private static func certificate(_ pem: String) -> OpaquePointer? {
        Self.read(pem) { PEM_read_bio_X509($0, nil, nil, nil) }
    }

    private static func read(_ pem: String, _ body: (OpaquePointer?) -> OpaquePointer?) -> OpaquePointer? {
        pem.withCString { text in  // OpenSSL reads from where the text lies, without a copy.
            let bio = BIO_new_mem_buf(text, -1)
            defer { BIO_free(bio) }
            return body(bio)
        }
    }
}
