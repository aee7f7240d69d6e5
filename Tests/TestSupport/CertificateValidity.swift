// SPDX-License-Identifier: Apache-2.0

import Glibc

/// From when to when a certificate holds: seconds since 1970.
package struct CertificateValidity: Hashable, Sendable {
    package let notBefore: Int
    package let notAfter: Int

    package init(notBefore: Int, notAfter: Int) {
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    private static let hour = 3600
    private static let day = 24 * Self.hour

    /// Seconds from now.
    package static func from(_ start: Int, to end: Int) -> Self {
        let now = time(nil)
        return Self(notBefore: now + start, notAfter: now + end)
    }

    /// An hour old, and good for a month.
    package static var current: Self { .from(-Self.hour, to: 30 * Self.day) }

    /// Over since an hour.
    package static var expired: Self { .from(-30 * Self.day, to: -Self.hour) }

    /// Good from tomorrow on.
    package static var notYet: Self { .from(Self.day, to: 30 * Self.day) }
}
