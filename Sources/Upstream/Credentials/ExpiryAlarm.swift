// SPDX-License-Identifier: Apache-2.0

import Cryptography

/// Says once that a certificate ends soon, and once that it has ended.
struct ExpiryAlarm: Sendable {
    enum Stage: Comparable, Sendable {
        case far
        /// Less than a week is left; of a short-lived certificate, less than a fifth of its time.
        case near
        case ended
    }

    private static let week = 7 * 24 * 60 * 60

    private var stage: Stage

    /// - Parameter stage: what has been told already.
    init(told stage: Stage = .far) { self.stage = stage }

    static func stage(of validity: Validity, at now: Int) -> Stage {
        if validity.hasEnded(at: now) { return .ended }
        let lead = min(Self.week, (validity.notAfter - validity.notBefore) / 5)
        return now > validity.notAfter - lead ? .near : .far
    }

    /// - Returns: the stage that has been reached since the last call. Nil if none has, or if the clock went back.
    mutating func advance(_ validity: Validity, now: Int) -> Stage? {
        let reached = Self.stage(of: validity, at: now)
        guard reached > self.stage else { return nil }
        self.stage = reached
        return reached
    }
}
