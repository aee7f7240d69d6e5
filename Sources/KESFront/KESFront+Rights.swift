// SPDX-License-Identifier: Apache-2.0

import Authorization
import HTTPServer
import KESProtocol
import KeyService
package import TLS

extension KESFront {
    /// Grants nothing: the ``Authorizer`` still judges every request.
    package func knows(_ credential: PeerCredential) -> Bool {
        self.authorizer.knows(Peer(.tls, credential).principals)
    }

    /// - Parameter path: decoded, and with the slash that KES would add.
    /// - Throws: KES's answer to a client without the right.
    func authorize(
        _ peer: Peer, to operation: Operation?, on key: KeyName?, at path: [UInt8]
    ) throws(KESFailure) {
        do throws(AuthorizationRefusal) {
            try self.authorizer.authorize(peer.principals, to: operation, on: key, judgedBy: path.span)
        } catch {
            throw KESFailure(error, of: peer)
        }
    }
}

extension KESFailure {
    init(_ refusal: AuthorizationRefusal, of peer: Peer) {
        switch (refusal, peer.credential) {
        case (.notAllowed, _): self = .notAllowed
        case (.noPrincipal, .several): self = .certificatesTooMany
        case (.noPrincipal, _): self = .certificateMissing
        }
    }

    /// KES's answer when no policy allows a request. It deliberately gives no reason.
    static let notAllowed = KESFailure(status: 403, message: "not authorized: insufficient permissions")
    /// KES's answers to client certificates without an identity.
    static let certificateMissing = KESFailure(status: 400, message: "tls: client certificate is required")
    static let certificatesTooMany = KESFailure(status: 400, message: "tls: received more than one client certificate")
}
