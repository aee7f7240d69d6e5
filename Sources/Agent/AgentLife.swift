// SPDX-License-Identifier: Apache-2.0

/// The life of an agent from its start to its end: what each event leads to. No I/O, no clock.
///
///     starting ─ready─▶ serving ─stop─▶ draining ─drained─▶ stopped
///         └────────stop────────────────────▲   └─stop, later─▶ stopped, at once
struct AgentLife {
    enum Phase: Equatable {
        /// The socket accepts connections; the backend has not answered yet.
        case starting
        case serving
        /// No new connections; requests in flight are answered.
        case draining(since: ContinuousClock.Instant)
        case stopped
    }

    enum Event: Equatable {
        /// The backend has answered, or need not.
        case ready
        /// SIGTERM or SIGINT.
        case stop(at: ContinuousClock.Instant)
        /// The last connection was closed.
        case drained
        /// A key server was marked up or down.
        case backendChanged
        /// SIGHUP: reload settings and files.
        case reloadAsked
        /// The reload is complete, successfully or not.
        case reloaded
        /// The cache is to be emptied: SIGUSR1.
        case purgeAsked
    }

    enum Action: Equatable {
        case announceReady
        /// Updates the status line.
        case reportStatus
        /// Starts a reload, concurrently with everything else.
        case reload
        /// Tells the service manager that the reload is complete.
        case announceReloaded
        /// Empties the cache, beside everything else.
        case purge
        case drain
        case end
        /// Stops without waiting for connections.
        case endAtOnce
        case nothing
    }

    /// Signals within this time count as one: timeout(1), for example, signals its child and then the child's process
    /// group.
    private static let oneRequest = Duration.milliseconds(100)

    /// One reload at a time. Requests during a reload cause one more.
    private enum Reload {
        case idle
        case running
        case askedAgain
    }

    private(set) var phase = Phase.starting
    private var reload = Reload.idle

    mutating func receive(_ event: Event) -> Action {
        switch (self.phase, event) {
        case (.starting, .ready):
            self.phase = .serving
            return .announceReady
        case (.starting, .stop(let now)), (.serving, .stop(let now)):
            self.phase = .draining(since: now)
            return .drain
        case (.draining, .drained):
            self.phase = .stopped
            return .end
        case (.draining(let since), .stop(let now)):
            guard since.duration(to: now) >= Self.oneRequest else { return .nothing }
            self.phase = .stopped
            return .endAtOnce
        case (.starting, .backendChanged), (.serving, .backendChanged):
            return .reportStatus
        case (.starting, .reloadAsked), (.serving, .reloadAsked):
            return self.reloadAsked()
        case (.starting, .reloaded):
            return self.reloaded(otherwise: .reportStatus)
        case (.serving, .reloaded):
            return self.reloaded(otherwise: .announceReloaded)
        case (.starting, .purgeAsked), (.serving, .purgeAsked), (.draining, .purgeAsked):
            return .purge
        case (.serving, .ready), (.draining, .ready), (.starting, .drained), (.serving, .drained),
            (.draining, .backendChanged), (.draining, .reloadAsked), (.draining, .reloaded), (.stopped, _):
            return .nothing
        }
    }

    private mutating func reloadAsked() -> Action {
        switch self.reload {
        case .idle:
            self.reload = .running
            return .reload
        case .running, .askedAgain:
            self.reload = .askedAgain
            return .nothing
        }
    }

    private mutating func reloaded(otherwise action: Action) -> Action {
        switch self.reload {
        case .askedAgain:
            self.reload = .running
            return .reload
        case .idle, .running:
            self.reload = .idle
            return action
        }
    }
}
