// SPDX-License-Identifier: Apache-2.0

/// Why there is no answer, or none that could be taken whole.
package struct TransferFailure: Error, Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case nameNotResolved
        /// Nobody listens there, or there is no way to it.
        case refused
        /// The way is there and barred: the mode of a socket's name, or this machine's packet filter.
        case notPermitted
        /// The server's certificate was not accepted: which one (subject, names, issuer), and why.
        case notTrusted(certificate: String, reason: String)
        /// The handshake failed otherwise, or the server ended it with an alert: as a rule it does not take our
        /// certificate. Under TLS 1.3 that comes after the request was sent.
        case tls
        /// `whileConnecting`: the connect timeout, or the deadline before there was a connection to send on.
        case timedOut(whileConnecting: Bool)
        /// The connection ended before the answer did, or what came is not HTTP.
        case broken
        case answerTooLarge
        /// This process was refused locked memory.
        case noMemory
        /// This machine had no descriptor, port or buffer left for a connection.
        case noResources
        /// By the task that waited.
        case cancelled
        /// The pool was retired before the transfer reached it. Nothing was sent: take the pool that replaced it.
        case retired
        /// The engine was stopped.
        case stopped
    }

    package let kind: Kind
    /// For people, in libcurl's or OpenSSL's words; never holds a secret.
    package let reason: String
    /// Whether the server may have seen any of the request.
    package let requestWasSent: Bool

    package init(_ kind: Kind, reason: String, requestWasSent: Bool) {
        self.kind = kind
        self.reason = reason
        self.requestWasSent = requestWasSent
    }
}
