// SPDX-License-Identifier: Apache-2.0

package import Cryptography

/// Says once for each of some leads that a certificate ends soon, and once that it has ended.
package struct ExpiryAlarm: Sendable {
    package enum Stage: Comparable, Sendable {
        case far
        /// That many of the leads have begun.
        case near(Int)
        case ended
    }

    /// From how long before the end to warn, in seconds.
    private let leads: [Int]
    private var stage: Stage

    private static let day = 24 * 60 * 60

    /// - Parameters:
    ///   - days: from how many days before the end to warn. Of a certificate for which that is more than a third of its
    ///     time, it is a fifth of it.
    ///   - stage: what has been told already.
    package init(days: [Int], told stage: Stage = .far) {
        self.leads = days.map { $0 * Self.day }
        self.stage = stage
    }

    package func stage(of validity: Validity, at now: Int) -> Stage {
        if validity.hasEnded(at: now) { return .ended }
        let length = validity.notAfter - validity.notBefore
        let begun = self.leads.count { now > validity.notAfter - ($0 > length / 3 ? min($0, length / 5) : $0) }
        return begun > 0 ? .near(begun) : .far
    }

    /// - Returns: the stage that has been reached since the last call. Nil if none has, or if the clock went back.
    package mutating func advance(_ validity: Validity, now: Int) -> Stage? {
        let reached = self.stage(of: validity, at: now)
        guard reached > self.stage else { return nil }
        self.stage = reached
        return reached
    }

    /// The same for another certificate, of which nothing has been told.
    package func fresh() -> ExpiryAlarm {
        var alarm = self
        alarm.stage = .far
        return alarm
    }
}
