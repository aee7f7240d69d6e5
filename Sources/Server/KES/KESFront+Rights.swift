// SPDX-License-Identifier: Apache-2.0

import Authorization
import KESProtocol
package import TLS
import Telemetry

extension KESFront {
    /// Grants nothing: ``authorize(_:at:isOpenToAll:)`` still judges every request.
    package func knows(_ credential: PeerCredential) -> Bool {
        guard case .identity(let identity) = credential else { return false }
        return self.gate.knows(.identity(identity))
    }

    /// Whether `peer` may ask for what stands at a path: the one place where that is decided, for all endpoints, before
    /// anything else of the request is looked at.
    ///
    /// Whoever the mode of the Unix socket lets in may do everything. By TLS, whoever the gate lets through.
    ///
    /// - Parameters:
    ///   - path: decoded, and with the slash that KES would add.
    ///   - isOpenToAll: see ``Operation/isOpenToAll``.
    /// - Throws: what a client is told that may not.
    func authorize(_ peer: Peer, at path: [UInt8], isOpenToAll: Bool = false) throws(KESFailure) {
        guard peer.listener == .tls, !isOpenToAll else { return }
        switch peer.credential {
        case .identity(let identity):
            guard self.gate.decide(.identity(identity), path.span).isAllowed else {
                self.denials.byPolicy.add()
                throw .notAllowed
            }
        case .none, .authority:
            self.denials.forCertificate.add()
            throw .certificateMissing
        case .several:
            self.denials.forCertificate.add()
            throw .certificatesTooMany
        }
    }
}

extension KESFailure {
    /// What KES says to whom no policy lets in, and why not is nobody's business.
    static let notAllowed = KESFailure(status: 403, message: "not authorized: insufficient permissions")
    /// What it says where it finds no identity in what a client has sent.
    static let certificateMissing = KESFailure(status: 400, message: "tls: client certificate is required")
    static let certificatesTooMany = KESFailure(status: 400, message: "tls: received more than one client certificate")
}
