// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Primitives

@Suite struct AdmissionQueueTests {
    @Test func aRequestThatFitsIsAdmittedAtOnce() {
        var queue = AdmissionQueue<Int>(capacity: 10, waitingCountMax: 4)
        #expect(enter(&queue, 1, 10) == .admitted)
        #expect(queue.reserved == 10)
        let none = queue.release(10)
        #expect(none.isEmpty)
        #expect(queue.reserved == 0)
    }

    @Test func aSmallRequestDoesNotOvertakeALargeOne() {
        var queue = AdmissionQueue<Int>(capacity: 10, waitingCountMax: 4)
        #expect(enter(&queue, 1, 6) == .admitted)
        #expect(enter(&queue, 2, 8) == .queued)
        #expect(enter(&queue, 3, 1) == .queued)
        let overtakes = queue.enterImmediately(1)
        #expect(!overtakes)
        let admitted = queue.release(6)
        #expect(admitted.map(\.ticket) == [2, 3])
        #expect(queue.reserved == 9)
    }

    @Test func aRequestThatGivesUpLetsThoseBehindItPass() {
        var queue = AdmissionQueue<Int>(capacity: 10, waitingCountMax: 4)
        #expect(enter(&queue, 1, 6) == .admitted)
        #expect(enter(&queue, 2, 8) == .queued)
        #expect(enter(&queue, 3, 4) == .queued)
        let admitted = queue.leave(2)
        #expect(admitted.map(\.ticket) == [3])
        #expect(queue.waitingCount == 0)
    }

    @Test func whatCanNeverBeServedIsRefusedAtOnce() {
        var queue = AdmissionQueue<Int>(capacity: 10, waitingCountMax: 1)
        #expect(enter(&queue, 1, 11) == .refused(.tooLarge))
        #expect(enter(&queue, 2, 10) == .admitted)
        #expect(enter(&queue, 3, 1) == .queued)
        #expect(enter(&queue, 4, 1) == .refused(.queueFull))
    }

    /// Every schedule of arrivals, ends and cancellations, against a model that keeps everything in plain lists.
    @Test("no schedule makes all requests wait, overtakes one, or loses one", arguments: UInt64(1)...200)
    func randomSchedule(seed: UInt64) {
        var world = AdmissionWorld(seed: seed)
        for step in 1...2000 {
            world.step()
            guard let broken = world.brokenInvariant else { continue }
            Issue.record("seed \(seed), step \(step): \(broken)")
            return
        }
        world.finish()
        #expect(world.brokenInvariant == nil)
        #expect(world.queue.reserved == 0 && world.queue.waitingCount == 0)
        #expect(world.resolved.values.allSatisfy { $0 == 1 })
        #expect(world.resolved.count == world.arrivedCount)
    }
}

private func enter(_ queue: inout AdmissionQueue<Int>, _ ticket: Int, _ amount: Int) -> AdmissionQueue<Int>.Decision {
    queue.enter(ticket, amount).0
}

/// A queue, and what a naive reader of its rules expects of it.
private struct AdmissionWorld {
    var queue: AdmissionQueue<Int>
    private let waitingCountMax: Int
    private var random: SeededGenerator
    private var running: [(ticket: Int, amount: Int)] = []
    private var waiting: [(ticket: Int, amount: Int)] = []
    private(set) var arrivedCount = 0
    /// How often each request was admitted, refused or cancelled.
    private(set) var resolved: [Int: Int] = [:]
    private(set) var brokenInvariant: String?

    init(seed: UInt64) {
        self.random = SeededGenerator(seed: seed)
        self.waitingCountMax = Int.random(in: 0...8, using: &self.random)
        self.queue = AdmissionQueue(
            capacity: Int.random(in: 1...100, using: &self.random), waitingCountMax: self.waitingCountMax)
    }

    mutating func step() {
        switch Int.random(in: 0..<10, using: &self.random) {
        case 0..<5: self.arrive()
        case 5..<8: self.end()
        case _: self.cancel()
        }
        self.check()
    }

    /// Everything that was admitted ends, and then what waited.
    mutating func finish() {
        while !self.running.isEmpty {
            self.end()
            self.check()
        }
    }

    private mutating func arrive() {
        let amount = Int.random(in: 1...120, using: &self.random)
        self.arrivedCount += 1
        let ticket = self.arrivedCount
        let fits = self.waiting.isEmpty && self.runningSum + amount <= self.queue.capacity
        switch self.queue.enter(ticket, amount).0 {
        case .admitted:
            if !fits { self.brokenInvariant = "\(ticket) was admitted out of turn" }
            self.admit(ticket, amount)
        case .queued:
            if fits { self.brokenInvariant = "\(ticket) waits though there is room" }
            self.waiting.append((ticket, amount))
        case .refused(let refusal):
            self.resolved[ticket, default: 0] += 1
            let expected: AdmissionRefusal = amount > self.queue.capacity ? .tooLarge : .queueFull
            if refusal != expected { self.brokenInvariant = "\(ticket) is refused as \(refusal)" }
        }
    }

    private mutating func end() {
        guard let index = self.running.indices.randomElement(using: &self.random) else { return }
        self.follow(self.queue.release(self.running.remove(at: index).amount))
    }

    private mutating func cancel() {
        // Also one that is not waiting any more.
        guard self.arrivedCount > 0 else { return }
        let ticket = Int.random(in: 1...self.arrivedCount, using: &self.random)
        if let index = self.waiting.firstIndex(where: { $0.ticket == ticket }) {
            self.waiting.remove(at: index)
            self.resolved[ticket, default: 0] += 1
        }
        self.follow(self.queue.leave(ticket))
    }

    private mutating func follow(_ admissions: [AdmissionQueue<Int>.Admission]) {
        for admission in admissions {
            guard let next = self.waiting.first, next.ticket == admission.ticket, next.amount == admission.amount else {
                self.brokenInvariant = "\(admission.ticket) is admitted before its turn"
                return
            }
            self.waiting.removeFirst()
            self.admit(next.ticket, next.amount)
        }
    }

    private mutating func admit(_ ticket: Int, _ amount: Int) {
        self.running.append((ticket, amount))
        self.resolved[ticket, default: 0] += 1
    }

    private var runningSum: Int { self.running.reduce(0) { $0 + $1.amount } }

    private mutating func check() {
        if self.queue.reserved != self.runningSum { self.brokenInvariant = "a reservation was lost" }
        if self.queue.reserved > self.queue.capacity { self.brokenInvariant = "more is reserved than there is" }
        if self.queue.waitingCount != self.waiting.count { self.brokenInvariant = "a waiting request was lost" }
        if self.waiting.count > self.waitingCountMax { self.brokenInvariant = "too many wait" }
        if !self.waiting.isEmpty, self.running.isEmpty { self.brokenInvariant = "all wait" }
        if let next = self.waiting.first, self.runningSum + next.amount <= self.queue.capacity {
            self.brokenInvariant = "\(next.ticket) waits though it is next and there is room"
        }
    }
}
