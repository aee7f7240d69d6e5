// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import TLS

extension KESFront {
    /// Whether `peer` may ask for what stands at a path: the one place where that is decided, for all endpoints, before
    /// anything else of the request is looked at.
    ///
    /// Whoever the mode of the Unix socket lets in may do everything. By TLS, whoever has proven to have a key.
    ///
    /// - Parameters:
    ///   - path: decoded.
    ///   - isOpenToAll: see ``KESEndpoint/isOpenToAll``.
    /// - Throws: what a client is told that may not.
    func authorize(_ peer: Peer, at path: Span<UInt8>, isOpenToAll: Bool = false) throws(KESFailure) {
        guard peer.listener == .tls, !isOpenToAll else { return }
        switch peer.credential {
        case .identity: return
        case .none: throw .certificateMissing
        case .several: throw .certificatesTooMany
        }
    }
}

extension KESEndpoint {
    /// Whether it may be asked without a certificate, as a probe does.
    var isOpenToAll: Bool {
        switch self {
        case .version, .ready: true
        case .status, .metrics, .api, .createKey, .importKey, .describeKey, .listKeys, .deleteKey, .generateKey,
            .encrypt, .decrypt, .hmac:
            false
        }
    }
}

/// What KES says where it finds no identity in what a client has sent.
extension KESFailure {
    static let certificateMissing = KESFailure(status: 400, message: "tls: client certificate is required")
    static let certificatesTooMany = KESFailure(status: 400, message: "tls: received more than one client certificate")
}
