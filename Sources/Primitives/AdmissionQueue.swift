// SPDX-License-Identifier: Apache-2.0

/// Decides which requests may use a limited capacity, and in which order the others wait. No lock, clock or thread.
///
/// Invariants:
/// 1. The sum of all reservations is at most the capacity.
/// 2. Requests are admitted in order of arrival: a small one never overtakes a large one.
/// 3. At most `waitingCountMax` requests wait.
/// 4. If a request waits, something is reserved. So a later release will admit it.
///
/// A request reserves everything that it can need in one step. A request with a reservation never waits for another
/// one, so no two requests can wait for each other.
package struct AdmissionQueue<Ticket: Equatable & Sendable>: Sendable {
    /// The result of ``enter(_:_:)``.
    package enum Decision: Equatable, Sendable {
        case admitted
        /// ``release(_:)`` or ``leave(_:)`` will return the ticket when the request is admitted.
        case queued
        case refused(AdmissionRefusal)
    }

    /// A request that is now admitted, and its reserved amount.
    package struct Admission: Sendable {
        package let ticket: Ticket
        package let amount: Int
    }

    /// In the unit of the reservations.
    package let capacity: Int
    private let waitingCountMax: Int
    private(set) package var reserved = 0
    private var waiting: ArraySlice<Admission> = []

    package init(capacity: Int, waitingCountMax: Int) {
        precondition(capacity >= 0 && waitingCountMax >= 0)
        self.capacity = capacity
        self.waitingCountMax = waitingCountMax
    }

    package var waitingCount: Int { self.waiting.count }

    /// Reserves `amount` if no request waits and there is room. Never queues.
    package mutating func enterImmediately(_ amount: Int) -> Bool {
        guard self.waiting.isEmpty, amount <= self.capacity - self.reserved else { return false }
        self.reserved += amount
        return true
    }

    /// Reserves `amount`, or queues the request.
    ///
    /// - Parameter amount: more than 0.
    package mutating func enter(_ ticket: @autoclosure () -> Ticket, _ amount: Int) -> (Decision, Ticket?) {
        precondition(amount > 0, "an amount of nothing needs no admission")
        guard amount <= self.capacity else { return (.refused(.tooLarge), nil) }
        if self.enterImmediately(amount) { return (.admitted, nil) }
        guard self.waiting.count < self.waitingCountMax else { return (.refused(.queueFull), nil) }
        let ticket = ticket()
        self.waiting.append(Admission(ticket: ticket, amount: amount))
        return (.queued, ticket)
    }

    /// Returns a reservation.
    ///
    /// - Returns: the requests that are now admitted.
    package mutating func release(_ amount: Int) -> [Admission] {
        precondition(amount <= self.reserved, "more is released than was reserved")
        self.reserved -= amount
        return self.admitNext()
    }

    /// Removes a request that gives up waiting. Does nothing if it was admitted before.
    ///
    /// - Returns: the requests that are now admitted, because it no longer blocks them.
    package mutating func leave(_ ticket: Ticket) -> [Admission] {
        self.waiting.removeAll { $0.ticket == ticket }
        return self.admitNext()
    }

    private mutating func admitNext() -> [Admission] {
        var admitted: [Admission] = []
        while let next = self.waiting.first, next.amount <= self.capacity - self.reserved {
            self.waiting.removeFirst()
            self.reserved += next.amount
            admitted.append(next)
        }
        return admitted
    }
}

/// Why a request is not admitted.
package enum AdmissionRefusal: Error, Equatable, Sendable {
    /// It needs more than the whole capacity.
    case tooLarge
    /// Too many requests are waiting.
    case queueFull
    /// Its task was cancelled while it waited.
    case cancelled
}
