// SPDX-License-Identifier: Apache-2.0

/// What meets a connection before its first request. A change counts from the next connection on.
package struct ConnectionFaults: Sendable, Hashable {
    /// The server's certificate.
    package enum Certificate: String, Sendable, CaseIterable {
        case valid
        case expired
        case notYetValid = "not-yet-valid"
        /// For `other.example` alone.
        case otherName = "other-name"
        /// Of an authority that nobody trusts.
        case otherAuthority = "other-authority"
    }

    package enum Handshake: String, Sendable, CaseIterable {
        case completes
        /// The connection is accepted, and that is all.
        case hangs
        case closes
        case resets
    }

    package enum HTTPVersion: String, Sendable, CaseIterable {
        case http11 = "1.1"
        case http2 = "2"
    }

    package enum TLSVersion: String, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    package var certificate = Certificate.valid
    package var handshake = Handshake.completes
    /// Whether a TLS session can be resumed. If not, tickets are given all the same, and then not known.
    package var resumesSessions = true
    /// One more is closed as soon as it comes.
    package var connectionCountMax: Int?
    package var httpVersions = Set(HTTPVersion.allCases)
    package var tlsVersions = Set(TLSVersion.allCases)
    /// Whether clients' certificates must be of the server's own authority and good at the time (`tls.auth: on`).
    package var verifiesClients = false

    package init() {}
}
