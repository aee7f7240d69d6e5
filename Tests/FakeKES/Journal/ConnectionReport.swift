// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
package import TestSupport

/// What is known of a connection that has shaken hands.
package struct ConnectionReport: Sendable, Equatable {
    /// In the order of their coming, from 1 on.
    package let number: Int
    package let httpVersion: ConnectionFaults.HTTPVersion
    package let tlsVersion: ConnectionFaults.TLSVersion
    /// The client's own; nil if it showed none, or several.
    package let certificate: CertificateFacts?
    /// Whether its TLS session is an earlier one taken up again.
    package let isResumed: Bool
    /// Requests that have come in whole.
    package let requestCount: Int
    package let isOpen: Bool

    package var identity: String? { self.certificate?.identity }
}

/// A connection that is open.
final class ConnectionRecord: Sendable {
    let channel: any Channel
    private let number: Int
    private let httpVersion: ConnectionFaults.HTTPVersion
    private let tlsVersion: ConnectionFaults.TLSVersion
    private let isResumed: Bool
    private let certificate: CertificateFacts?
    private let requestCount = Atomic<Int>(0)

    init(
        _ number: Int, on channel: any Channel, httpVersion: ConnectionFaults.HTTPVersion,
        tlsVersion: ConnectionFaults.TLSVersion,
        certificate: CertificateFacts?, isResumed: Bool
    ) {
        self.number = number
        self.channel = channel
        self.httpVersion = httpVersion
        self.tlsVersion = tlsVersion
        self.certificate = certificate
        self.isResumed = isResumed
    }

    func countRequest() { self.requestCount.add(1, ordering: .relaxed) }

    func report(isOpen: Bool) -> ConnectionReport {
        ConnectionReport(
            number: self.number, httpVersion: self.httpVersion, tlsVersion: self.tlsVersion,
            certificate: self.certificate, isResumed: self.isResumed,
            requestCount: self.requestCount.load(ordering: .relaxed), isOpen: isOpen)
    }
}
