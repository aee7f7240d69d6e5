// SPDX-License-Identifier: Apache-2.0

/// Why a transfer has no complete answer.
package struct TransferFailure: Error, Equatable, Sendable {
    /// The cause, by what a caller decides.
    package enum Kind: Equatable, Sendable {
        case nameNotResolved
        /// No process listens there, or there is no route.
        case refused
        /// Blocked on this side: by the permissions of a socket file, or by the packet filter.
        case notPermitted
        /// The server's certificate was rejected: which one (subject, names, issuer), and why.
        case notTrusted(certificate: String, reason: String)
        /// The handshake failed in another way, or the server sent an alert, usually because it rejects our
        /// certificate. Under TLS 1.3 that comes after the request was sent.
        case tls
        /// `whileConnecting`: the connect timeout or the deadline has passed before there was a connection.
        case timedOut(whileConnecting: Bool)
        /// The connection was closed before the answer was complete, or the answer is not HTTP.
        case broken
        case answerTooLarge
        /// This process has no locked memory left.
        case noMemory
        /// This machine had no descriptor, port or buffer left for a connection.
        case noResources
        /// The waiting task was cancelled.
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
