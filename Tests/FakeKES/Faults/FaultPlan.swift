// SPDX-License-Identifier: Apache-2.0

import KESProtocol
package import KeyService
import NIOCore
import Synchronization

/// The faults that are on. They may be changed at any time and count from the next request on.
package final class FaultPlan: Sendable {
    private struct Entry {
        let rule: FaultRule
        var met = 0
        var applied = 0

        mutating func applies(to endpoint: Operation) -> Bool {
            guard self.rule.endpoints?.contains(endpoint) ?? true, self.applied < self.rule.times ?? .max else {
                return false
            }
            defer { self.met += 1 }
            guard self.met.isMultiple(of: self.rule.every) else { return false }
            self.applied += 1
            return true
        }
    }

    private let entries = Mutex<[Entry]>([])

    /// Turns these on, and off whatever else was.
    package func set(_ rules: [FaultRule]) { self.entries.withLock { $0 = rules.map { Entry(rule: $0) } } }

    package func set(_ fault: Fault, on endpoints: Set<Operation>? = nil, every: Int = 1, times: Int? = nil) {
        self.set([FaultRule(fault, on: endpoints, every: every, times: times)])
    }

    package func clear() { self.set([]) }

    package var rules: [FaultRule] { self.entries.withLock { $0.map(\.rule) } }

    /// What becomes of the answer to a request; nil: nothing but that it is sent.
    func verdict(for endpoint: Operation) -> Verdict? {
        self.entries.withLock { entries in
            guard !entries.isEmpty else { return nil }
            var verdict = Verdict()
            for index in entries.indices where entries[index].applies(to: endpoint) {
                verdict.add(entries[index].rule.fault)
            }
            return verdict
        }
    }
}

/// What becomes of one answer: all faults that meet it.
struct Verdict: Sendable {
    /// How it is sent.
    enum Delivery: Sendable {
        case whole
        case last
        case reset(Fault.Moment)
        case truncated
        case garbage
        case drip(every: TimeAmount)
        case refused
    }

    private(set) var delay = TimeAmount.zero
    private(set) var isHeld = false
    private(set) var delivery = Delivery.whole
    private var edits: [@Sendable (inout Answer) -> Void] = []

    func edit(_ answer: inout Answer) { for edit in self.edits { edit(&answer) } }

    fileprivate mutating func add(_ fault: Fault) {
        switch fault {
        case .delay(let delay): self.delay = self.delay + TimeAmount(delay)
        case .hold: self.isHeld = true
        case .reset(let moment): self.delivery = .reset(moment)
        case .truncated: self.delivery = .truncated
        case .garbage: self.delivery = .garbage
        case .drip(let interval): self.delivery = .drip(every: TimeAmount(interval))
        case .goAway: self.delivery = .last
        case .refused: self.delivery = .refused
        case .status(let status, let message):
            self.edits.append { $0 = Answer(KESFailure(status: status, message: message)) }
        case .body(let text): self.edits.append { $0.body = ByteBuffer(string: text) }
        case .contentType(let type): self.edits.append { $0.contentType = type }
        case .missing(let member): self.edits.append { $0.removeMember(member) }
        case .larger(let byteCount): self.edits.append { $0.enlarge(by: byteCount) }
        }
    }
}
