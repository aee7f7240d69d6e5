// SPDX-License-Identifier: Apache-2.0

import Authorization
import ByteCoding
import HTTPMessages
import HTTPServer
import KeyService
import TLS

/// A refusal of the agent's own API. Its body has KES's form, `{"message":"…"` and `}` with a line end between them, so that
/// a client reads both alike.
struct AdminFailure: Error {
    let response: Response

    private init(_ status: ResponseStatus, _ message: String, fields: [ResponseHead.Field] = []) {
        var body = JSONWriter.object(escaping: .html) { json in json.member("message", message) }
        body.insert(UInt8(ascii: "\n"), at: body.count - 1)
        self.response = Response(status, contentType: "application/json", body: body, fields: fields)
    }

    static let bodyTooLarge = AdminFailure(.badRequest, "invalid request body")
    static let timedOut = AdminFailure(.gatewayTimeout, "the key server did not answer in time")

    init(wrongMethod method: RequestMethod, at route: AdminRoute) {
        let methods = route.methods.map(\.name)
        // KES names the method of its own metrics in `Accept` too.
        let names = route == .metrics ? ["Accept", "Allow"] : ["Allow"]
        self.init(
            .methodNotAllowed,
            "received method '\(method.name)' expected '\(methods.joined(separator: "' or '"))'",
            fields: names.map { .init($0, methods.joined(separator: ", ")) })
    }

    init(invalidName name: Span<UInt8>) {
        self.init(
            .badRequest, "key name '\(String(repairing: name))' is empty, too long or contains invalid characters")
    }

    init(_ refusal: AuthorizationRefusal, of peer: Peer) {
        switch (refusal, peer.credential) {
        case (.notAllowed, _): self.init(.forbidden, "not authorized: insufficient permissions")
        case (.noPrincipal, .several): self.init(.badRequest, "tls: received more than one client certificate")
        case (.noPrincipal, _): self.init(.badRequest, "tls: client certificate is required")
        }
    }
}
