// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives
import TestSupport

@testable import KeyCache

/// A key server, a cache before it, clients, and time. All chance is the seed's.
///
/// What takes a while is a ``Process``, whose parts follow each other as chance has it, with everything else in between.
struct CacheWorld {
    let referee = Referee()
    let shell: SimulatedShell
    var server = SimulatedKeyServer()
    var lots: SeededGenerator
    var processes: [Process] = []
    var clients: [Client] = []
    var counts = Counts()
    /// What there is to be opened.
    var questions: [SealedQuestion] = []
    var underWay: Set<Fingerprint> = []
    var purges = Purges()
    var absences = Absences()
    /// Fingerprints of which no two answers agreed, and since when.
    var undecided: [Fingerprint: BootTime] = [:]
    private var moment = 0

    /// Somebody who wants something opened.
    struct Client {
        enum State { case asking, waiting, gaveUp, left, answered }

        let asked: SimulatedShell.Asked
        let askedAt: Int
        /// Nothing that was asked before this may answer.
        let barrier: Int
        var state = State.asking

        var question: SealedQuestion { self.asked.question }
    }

    /// What the statistics are to say.
    struct Counts {
        var asked = 0
        var hits = 0
        var misses = 0
        var coalesced = 0
        var stale = 0
        var absent = 0
        var contradictions = 0
        var renewals = CacheStatistics.Renewals()
        /// Answers in the key server's place to those who waited for it, who were counted when they began to.
        var staleAfterWaiting = 0
        /// Questions that were asked again for those who came after a purge, likewise.
        var continuations = 0
        /// Refusals of those who wanted something new.
        var absentGenerations = 0
    }

    init(seed: UInt64, planted: PlantedBug? = nil) {
        var lots = SeededGenerator(seed: seed)
        let any = TimeSpan.seconds([1, 10, 60, 300, 3_600].randomElement(using: &lots) ?? 60)
        let unused = [TimeSpan.zero, any / 10, any / 2, any].randomElement(using: &lots) ?? .zero
        let offline = [TimeSpan.zero, any / 2, any, .seconds(86_400)].randomElement(using: &lots) ?? .zero
        let capacities = (0..<Int.random(in: 1...3, using: &lots)).map { _ in Int.random(in: 1...6, using: &lots) }
        self.shell = SimulatedShell(
            capacities: capacities, policy: ExpiryPolicy(any: any, unused: unused, offline: offline),
            planted: planted, referee: self.referee)
        self.lots = lots
    }

    var brokenRule: String? { self.referee.brokenRule }

    /// The next place in the order of things.
    mutating func tick() -> Int {
        self.moment += 1
        return self.moment
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self.lots) < percent }

    // MARK: A step

    mutating func step() {
        self.shell.now = self.shell.now + TimeSpan(nanoseconds: Int.random(in: 0...1_000_000, using: &self.lots))
        switch Int.random(in: 0..<1_000, using: &self.lots) {
        case 0..<300: self.ask()
        case 300..<315: self.generate()
        case 315..<330: self.giveUp()
        case 330..<334: self.processes.append(.forgetting(Forgetting(self.anyName(), at: self.tick()), .nothing))
        case 334..<336: self.processes.append(.forgetting(Forgetting(nil, at: self.tick()), .nothing))
        case 336..<338: self.changeIdentity()
        case 338..<348: self.changeKeys()
        case 348..<356: self.changeReach()
        case 356..<360: self.shell.isExhausted = self.chance(12)
        case 360..<372: self.changeLiars()
        case 372..<395: self.pass()
        case 395..<400: self.processes.append(.sweeping(shard: 0, start: 0))
        case _: self.advance()
        }
        self.check()
    }

    /// Brings everything to its end.
    mutating func settle() {
        self.server.reach = .answering
        self.shell.isSlow = false
        self.shell.isOutOfReach = false
        self.shell.isExhausted = false
        for _ in 0..<10_000 where !self.processes.isEmpty && self.brokenRule == nil {
            self.advance()
            self.check()
        }
        self.referee.rule(self.processes.isEmpty, "there is no end to \(self.processes.count) processes")
        for (number, client) in self.clients.enumerated() {
            self.referee.rule(
                client.state == .answered || client.state == .left, "client \(number) waits for nobody")
        }
        self.processes = [.forgetting(Forgetting(nil, at: self.tick()), .nothing)]
        while !self.processes.isEmpty, self.brokenRule == nil { self.advance() }
        self.shell.emptyLatePlaces()
        self.referee.rule(self.shell.placesInUse == 0 && self.shell.flightCount == 0, "something is left in the core")
        self.referee.rule(self.shell.vault.places.allSatisfy { $0 == nil }, "something is left in the vault")
    }

    mutating func anyName() -> KeyName { SimulatedKeyServer.names.randomElement(using: &self.lots) ?? .named("a") }

    // MARK: The world's own ways

    /// From nanoseconds to hours, or a part of a life.
    private mutating func pass() {
        var longest = self.shell.policy.any.nanoseconds / 4
        if self.chance(25) {
            longest = 10_000_000_000_000
            for _ in 0..<Int.random(in: 0..<13, using: &self.lots) { longest /= 10 }
        }
        self.shell.now = self.shell.now + TimeSpan(nanoseconds: Int.random(in: 0...longest, using: &self.lots))
        if self.chance(20) {
            self.shell.wallOffset = .seconds(Int.random(in: -10_000...100, using: &self.lots))
        }
    }

    private mutating func changeReach() {
        switch Int.random(in: 0..<6, using: &self.lots) {
        case 0..<4: self.server.reach = .answering
        case 4: self.server.reach = .slow
        case _: self.server.reach = .partitioned
        }
        self.shell.isSlow = self.server.reach == .slow
        // It takes somebody to find out.
        self.shell.isOutOfReach = self.server.reach == .partitioned && self.chance(70)
    }

    private mutating func changeLiars() {
        let endpoints = SimulatedKeyServer.endpoints
        self.server.liars = Set(endpoints.filter { _ in Int.random(in: 0..<3, using: &self.lots) == 0 })
        self.server.liarsCollude = self.chance(30)
    }

    private mutating func changeKeys() {
        let name = self.anyName()
        switch (self.server.exists(name), Int.random(in: 0..<6, using: &self.lots)) {
        case (true, 0): self.server.delete(name)
        case (true, 1): self.processes.append(.deleting(name, isDone: false))
        case (true, 2):
            self.server.delete(name)
            self.server.create(name)
        case (true, _):
            if self.server.forbidden.remove(name) == nil, self.chance(50) { self.server.forbidden.insert(name) }
        case (false, 0...1): self.server.create(name)
        case (false, _): self.processes.append(.creating(name, createdAt: nil))
        }
    }

    private mutating func changeIdentity() {
        let begunAt = self.tick()
        self.shell.changeGeneration()
        self.absences.forgetAll(before: begunAt)
        if self.shell.planted == .identityUnnoticed {
            self.purges.end(nil, begunAt: begunAt)
        } else {
            self.processes.append(.forgetting(Forgetting(nil, at: begunAt), .nothing))
        }
    }
}
