// SPDX-License-Identifier: Apache-2.0

package import Cryptography

/// Decides when to warn that a certificate expires: once per lead time, and once after expiry.
package struct ExpiryAlarm: Sendable {
    /// How near the expiry is, in increasing order.
    package enum Stage: Comparable, Sendable {
        case far
        /// The number of lead times that have begun.
        case near(Int)
        case ended
    }

    /// Lead times before expiry, in seconds.
    private let leads: [Int]
    private var stage: Stage

    private static let day = 24 * 60 * 60

    /// - Parameters:
    ///   - days: lead times in days before expiry. A lead time of more than a third of the certificate's lifetime is
    ///     reduced to a fifth of it.
    ///   - stage: the stage that was already reported.
    package init(days: [Int], told stage: Stage = .far) {
        self.leads = days.map { $0 * Self.day }
        self.stage = stage
    }

    /// The stage at `now`, in seconds since 1970, regardless of what was reported.
    package func stage(of validity: Validity, at now: Int) -> Stage {
        if validity.hasEnded(at: now) { return .ended }
        let length = validity.notAfter - validity.notBefore
        let begun = self.leads.count { now > validity.notAfter - ($0 > length / 3 ? min($0, length / 5) : $0) }
        return begun > 0 ? .near(begun) : .far
    }

    /// - Returns: the stage reached since the last call. Nil if there is none, or if the clock went back.
    package mutating func advance(_ validity: Validity, now: Int) -> Stage? {
        let reached = self.stage(of: validity, at: now)
        guard reached > self.stage else { return nil }
        self.stage = reached
        return reached
    }

    /// An alarm with the same lead times for another certificate, of which nothing has been reported.
    package func fresh() -> ExpiryAlarm {
        var alarm = self
        alarm.stage = .far
        return alarm
    }
}
