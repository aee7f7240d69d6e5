// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Cryptography

/// OpenSSL's callbacks during a handshake.
enum TLSCallbacks {
    /// Selects HTTP/2 if the client offers it, otherwise HTTP/1.1. A client that offers neither receives the alert
    /// no_application_protocol (120). Not called for a client without ALPN.
    static let selectProtocol: SSL_CTX_alpn_select_cb_func = { _, chosen, chosenCount, offered, offeredCount, _ in
        guard let offered = unsafe offered, let chosen = unsafe chosen, let chosenCount = unsafe chosenCount else {
            return SSL_TLSEXT_ERR_NOACK
        }
        for name in ["h2", "http/1.1"] {
            guard let position = unsafe Self.position(of: name, in: offered, Int(offeredCount)) else { continue }
            unsafe chosen.pointee = offered + position
            unsafe chosenCount.pointee = UInt8(name.utf8.count)
            return SSL_TLSEXT_ERR_OK
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }

    /// The position of a name in a list of `[length, 1 byte][name]`.
    private static func position(of name: String, in list: UnsafePointer<UInt8>, _ byteCount: Int) -> Int? {
        var position = 0
        while position < byteCount {
            let end = unsafe position + 1 + Int(list[position])
            guard end <= byteCount else { return nil }
            let entry = unsafe UnsafeBufferPointer(start: list + position + 1, count: end - position - 1)
            if unsafe entry.elementsEqual(name.utf8) { return position + 1 }
            position = end
        }
        return nil
    }
}
