// SPDX-License-Identifier: Apache-2.0

/// Decides, each time files were read, whether what is in them replaces what is in use. No files, no clock.
///
/// Two files are not replaced in one step, nor is a file written in one. So what cannot be used is looked at again first,
/// and only when the same is wrong with it for ``patience`` is anybody told. Each fault is told once, until all is well
/// again.
package struct Rotation<Fault: Error & Hashable & Sendable>: Sendable {
    package enum Decision: Equatable, Sendable {
        /// What is in use stays, and there is nothing to tell.
        case keep
        /// What was read is what is in use, after a fault that was told.
        case recover
        /// What was read is to be used from now on.
        case take
        /// What is in use stays for now. Look again soon.
        case lookAgain
        /// What is in use stays. To be told.
        case refuse(Fault)
    }

    /// How long files may be halfway from one state to the next.
    static var patience: Duration { .seconds(2) }

    private enum State {
        case well
        /// What is wrong now and since when, and all that has been told since all was well.
        case faulty(Fault, since: ContinuousClock.Instant, told: Set<Fault>)
    }

    /// What tells apart what files hold: the certificates in use.
    private var current: [[UInt8]]
    private var state = State.well

    package init(current: [[UInt8]]) { self.current = current }

    /// - Parameters:
    ///   - reading: the certificates that were found, or why they cannot replace those in use.
    ///   - isAsked: whether somebody wants an answer at once.
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
        case (.success, .faulty(_, _, let told)) where !told.isEmpty:
            self.state = .well
            return .recover
        case (.success, _):
            self.state = .well
            return .keep
        case (.failure(let fault), .well):
            return self.weigh(fault, since: now, told: [], now: now, isAsked: isAsked)
        case (.failure(let fault), .faulty(let last, let since, let told)):
            return self.weigh(fault, since: fault == last ? since : now, told: told, now: now, isAsked: isAsked)
        }
    }

    private mutating func weigh(
        _ fault: Fault,
        since: ContinuousClock.Instant,
        told: Set<Fault>,
        now: ContinuousClock.Instant,
        isAsked: Bool
    ) -> Decision {
        let isRipe = isAsked || now - since >= Self.patience
        self.state = .faulty(fault, since: since, told: isRipe ? told.union([fault]) : told)
        guard isRipe else { return .lookAgain }
        return isAsked || !told.contains(fault) ? .refuse(fault) : .keep
    }
}
