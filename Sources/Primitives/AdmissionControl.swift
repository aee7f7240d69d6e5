// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A thread-safe ``AdmissionQueue``. Requests wait as suspended tasks; no thread blocks.
package final class AdmissionControl: Sendable {
    fileprivate enum Turn {
        case come
        case cancelled
    }

    private let queue: Mutex<AdmissionQueue<OneShot<Turn>>>

    /// - Parameters:
    ///   - capacity: in any unit, for example bytes.
    ///   - waitingCountMax: beyond it, requests are refused at once.
    package init(capacity: Int, waitingCountMax: Int) {
        self.queue = Mutex(AdmissionQueue(capacity: capacity, waitingCountMax: waitingCountMax))
    }

    /// In the unit of the reservations.
    package var capacity: Int { self.queue.withLock(\.capacity) }

    /// The reserved amount, and the number of waiting requests.
    package var usage: (reserved: Int, waiting: Int) { self.queue.withLock { ($0.reserved, $0.waitingCount) } }

    /// Reserves `amount` if that needs no waiting; otherwise nil. An amount of 0 takes no lock.
    package func reserveImmediately(_ amount: Int) -> Reservation? {
        guard amount > 0 else { return Reservation(amount: 0, of: nil) }
        return self.queue.withLock { $0.enterImmediately(amount) } ? Reservation(amount: amount, of: self) : nil
    }

    /// Reserves `amount` as soon as there is room.
    ///
    /// - Throws: `.tooLarge` and `.queueFull` at once; `.cancelled` if the task is cancelled.
    package func reserve(_ amount: Int) async throws(AdmissionRefusal) -> Reservation {
        guard amount > 0 else { return Reservation(amount: 0, of: nil) }
        let (decision, ticket) = self.queue.withLock { $0.enter(OneShot(), amount) }
        switch decision {
        case .admitted:
            break
        case .queued:
            if let ticket { try await self.wait(ticket) }
        case .refused(let refusal):
            throw refusal
        }
        return Reservation(amount: amount, of: self)
    }

    private func wait(_ ticket: OneShot<Turn>) async throws(AdmissionRefusal) {
        switch await ticket.wait(ifCancelled: .cancelled) {
        case .come:
            return
        case .cancelled:
            self.admit(self.queue.withLock { $0.leave(ticket) })
            throw .cancelled
        }
    }

    fileprivate func release(_ amount: Int) {
        self.admit(self.queue.withLock { $0.release(amount) })
    }

    /// Resumes admitted requests. The amount of a cancelled one goes to those behind it.
    private func admit(_ admissions: [AdmissionQueue<OneShot<Turn>>.Admission]) {
        var admissions = admissions
        while !admissions.isEmpty {
            let unused = admissions.reduce(0) { $1.ticket.resolve(.come) ? $0 : $0 + $1.amount }
            admissions = unused > 0 ? self.queue.withLock { $0.release(unused) } : []
        }
    }
}

/// A reserved part of the capacity of an ``AdmissionControl``, returned when this value is released.
package struct Reservation: ~Copyable, Sendable {
    private let amount: Int
    private let control: AdmissionControl?

    fileprivate init(amount: Int, of control: AdmissionControl?) {
        self.amount = amount
        self.control = control
    }

    deinit { self.control?.release(self.amount) }
}
