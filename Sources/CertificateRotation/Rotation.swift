// SPDX-License-Identifier: Apache-2.0

/// Decides, after each read of files, whether their contents replace those in use. No files, no clock.
///
/// Two files cannot be replaced in one step, and a file is not written in one step. So contents that cannot be used are
/// read again. Only a fault that persists for ``patience`` is reported, and each fault only once until the files are
/// good again.
package struct Rotation<Fault: Error & Hashable & Sendable>: Sendable {
    /// What to do after a read.
    package enum Decision: Equatable, Sendable {
        /// Keep the contents in use; report nothing.
        case keep
        /// The files match the contents in use again, after a reported fault.
        case recover
        /// Use the new contents.
        case take
        /// Keep the contents in use for now, and read again soon.
        case lookAgain
        /// Keep the contents in use, and report the fault.
        case refuse(Fault)
    }

    /// How long a replacement may be incomplete.
    static var patience: Duration { .seconds(2) }

    private enum State {
        case well
        /// The current fault, its start, and the faults reported since the files were last good.
        case faulty(Fault, since: ContinuousClock.Instant, reported: Set<Fault>)
    }

    /// Fingerprints of the certificates in use.
    private var current: [[UInt8]]
    private var state = State.well

    /// - Parameter current: the fingerprints of the certificates in use.
    package init(current: [[UInt8]]) { self.current = current }

    /// - Parameters:
    ///   - reading: the fingerprints of the certificates found, or why they cannot replace those in use.
    ///   - isAsked: whether an operator has asked for a reload, so that faults are reported at once.
    package mutating func decide(
        on reading: Result<[[UInt8]], Fault>,
        now: ContinuousClock.Instant,
        isAsked: Bool = false
    ) -> Decision {
        switch (reading, self.state) {
        case (.success(let certificates), _) where certificates != self.current:
            self.current = certificates
            self.state = .well
            return .take
        case (.success, .faulty(_, _, let reported)) where !reported.isEmpty:
            self.state = .well
            return .recover
        case (.success, _):
            self.state = .well
            return .keep
        case (.failure(let fault), .well):
            return self.weigh(fault, since: now, reported: [], now: now, isAsked: isAsked)
        case (.failure(let fault), .faulty(let last, let since, let reported)):
            return self.weigh(fault, since: fault == last ? since : now, reported: reported, now: now, isAsked: isAsked)
        }
    }

    private mutating func weigh(
        _ fault: Fault,
        since: ContinuousClock.Instant,
        reported: Set<Fault>,
        now: ContinuousClock.Instant,
        isAsked: Bool
    ) -> Decision {
        let isRipe = isAsked || now - since >= Self.patience
        self.state = .faulty(fault, since: since, reported: isRipe ? reported.union([fault]) : reported)
        guard isRipe else { return .lookAgain }
        return isAsked || !reported.contains(fault) ? .refuse(fault) : .keep
    }
}
