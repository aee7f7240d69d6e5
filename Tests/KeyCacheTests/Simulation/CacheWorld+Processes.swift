// SPDX-License-Identifier: Apache-2.0

import KeyService
import TestSupport

@testable import KeyCache

/// What takes several steps, between which anything may happen.
extension CacheWorld {
    enum Process {
        /// A client has made his question and not asked it yet.
        case asking(Int, SimulatedShell.Asked)
        /// A client has given up and not told so yet.
        case leaving(Int)
        case flying(SimulatedShell.Flight, Stage)
        case generating(Generation)
        /// A new data key contradicts a cached one, and is to be confirmed.
        case confirming(Generated, SimulatedShell.Asked)
        case forgetting(Forgetting, Then)
        case sweeping(shard: Int, start: Int)
        case creating(KeyName, createdAt: Int?)
        case deleting(KeyName, isDone: Bool)
    }

    /// How far a question has come.
    enum Stage {
        case begun
        case asked(AbsentKeys.Snapshot)
        case answered(AbsentKeys.Snapshot, SimulatedShell.Said)
        case completed(SimulatedShell.Completion, at: Int)
    }

    struct Generation {
        let name: KeyName
        let context: [UInt8]
        let startedAt: BootTime
        let begunAt: Int
        let fill: PendingFills.ID
        let snapshot: AbsentKeys.Snapshot
        /// On the clock of the shell.
        let askedAt: BootTime
        var answer: Result<Generated, KeyServiceError>?
    }

    struct Generated {
        let question: SealedQuestion
        let plaintext: Plaintext
        let endpoint: Int
    }

    /// `CachedKeyService.forget(_:)`.
    struct Forgetting {
        enum Stage {
            case pendingFills
            case purging(shard: Int)
            case sweeping(shard: Int, start: Int)
        }

        let name: KeyName?
        let begunAt: Int
        var stage = Stage.pendingFills

        init(_ name: KeyName?, at begunAt: Int) {
            self.name = name
            self.begunAt = begunAt
        }
    }

    /// What follows when a key is forgotten.
    enum Then {
        case nothing
        case noteAbsence(askedAt: BootTime, AbsentKeys.Snapshot)
        case resolve(SimulatedShell.Flight, SimulatedShell.Completion, completedAt: Int, AbsentKeys.Snapshot)
    }

    mutating func advance() {
        guard let index = self.processes.indices.randomElement(using: &self.lots) else { return }
        var process = self.processes[index]
        self.processes.swapAt(index, self.processes.count - 1)
        self.processes.removeLast()
        if self.chance(50) { self.shell.emptyLatePlaces() }
        while let next = self.next(process) {
            process = next
            if self.chance(40) { return self.processes.append(next) }
        }
    }

    private mutating func next(_ process: Process) -> Process? {
        switch process {
        case .asking(let number, let asked):
            self.ask(number, asked)
            return nil
        case .leaving(let number):
            self.leave(number)
            return nil
        case .flying(let flight, let stage):
            return self.fly(flight, stage)
        case .generating(let generation):
            return self.generate(generation)
        case .confirming(let generated, let asked):
            self.confirm(generated, asked)
            return nil
        case .forgetting(let forgetting, let then):
            return self.forget(forgetting, then)
        case .sweeping(let shard, let start):
            if let next = self.shell.sweep(shard: shard, from: start, budget: 2) {
                return .sweeping(shard: shard, start: next)
            }
            return shard + 1 < self.shell.shardCount ? .sweeping(shard: shard + 1, start: 0) : nil
        case .creating(let name, nil):
            if self.server.reach == .answering { self.server.create(name) }
            return .creating(name, createdAt: self.tick())
        case .creating(let name, let createdAt?):
            self.shell.absentKeys.remove(name)
            if self.server.exists(name) { self.absences.forget(name, before: createdAt) }
            return nil
        case .deleting(let name, isDone: false):
            if self.server.reach != .partitioned { self.server.delete(name) }
            return .deleting(name, isDone: true)
        case .deleting(let name, isDone: true):
            return .forgetting(Forgetting(name, at: self.tick()), .nothing)
        }
    }

    private mutating func leave(_ number: Int) {
        let asked = self.clients[number].asked
        let isDropped = self.shell.leave(asked, number)
        if self.clients[number].state == .gaveUp { self.clients[number].state = .left }
        guard isDropped else { return }
        self.processes.removeAll { $0.isFlight(for: asked.fingerprint) }
        self.underWay.remove(asked.fingerprint)
    }

    // MARK: Flights

    private mutating func fly(_ flight: SimulatedShell.Flight, _ stage: Stage) -> Process? {
        switch stage {
        case .begun:
            self.referee.rule(
                self.underWay.insert(flight.asked.fingerprint).inserted,
                "\(flight.asked.question) is asked twice at a time")
            return .flying(flight, .asked(self.shell.absentKeys.snapshot))
        case .asked(let snapshot):
            guard self.server.reach != .slow || self.chance(15) else { return .flying(flight, stage) }
            return .flying(flight, .answered(snapshot, self.open(flight)))
        case .answered(let snapshot, let answer):
            self.underWay.remove(flight.asked.fingerprint)
            return self.complete(flight, answer, snapshot)
        case .completed(let completion, let completedAt):
            self.resolve(completion, flight, completedAt: completedAt)
            return nil
        }
    }

    private mutating func open(_ flight: SimulatedShell.Flight) -> SimulatedShell.Said {
        let question = flight.asked.question
        let endpoint = self.anyEndpoint(but: flight.contradiction?.endpoints ?? [])
        let answer = Result { () throws(KeyServiceError) in
            if let error = self.disturbance() { throw error }
            return try self.server.open(question, at: endpoint)
        }
        if answer == .failure(.keyNotFound) {
            self.absences.note(question.name, saidAt: self.tick(), askedAt: flight.startedAt)
        }
        return SimulatedShell.Said(answer: answer, endpoint: endpoint)
    }

    private mutating func anyEndpoint(but avoided: [Int]) -> Int {
        let candidates = SimulatedKeyServer.endpoints.filter { !avoided.contains($0) }
        // Now and then the others cannot be reached.
        guard self.chance(90) else { return avoided.first ?? 0 }
        return candidates.randomElement(using: &self.lots) ?? 0
    }

    private mutating func disturbance() -> KeyServiceError? {
        if self.server.reach == .partitioned { return self.chance(50) ? .unavailable : .timedOut }
        return self.chance(6) ? KeyServiceError.allCases.randomElement(using: &self.lots) : nil
    }

    private mutating func complete(
        _ flight: SimulatedShell.Flight, _ said: SimulatedShell.Said, _ snapshot: AbsentKeys.Snapshot
    ) -> Process {
        let completedAt = self.tick()
        let answer = said.answer
        let before = self.shell.vault[flight.asked.fingerprint].flatMap { $0.isPurged ? nil : $0.plaintext }
        let completion = self.shell.complete(flight, said, completedAt: completedAt)
        self.checkMajority(completion, flight, answer, before)
        if let contradiction = completion.contradiction {
            if contradiction.cached != nil { self.counts.contradictions += 1 }
            var flight = flight
            flight.startedAt = self.shell.now
            flight.begunAt = self.tick()
            flight.contradiction = contradiction
            self.underWay.insert(flight.asked.fingerprint)
            return .flying(flight, .asked(snapshot))
        }
        self.count(completion)
        for number in completion.callers {
            self.referee.rule(self.clients[number].state != .left, "client \(number) is to be told, who has left")
            if let cached = completion.cached { self.check(cached, for: number) }
        }
        if completion.asksAgain { self.begin(flight.asked) }
        guard case .failure(let error) = answer, error.isRefusal else {
            return .flying(flight, .completed(completion, at: completedAt))
        }
        let name = flight.asked.question.name
        if self.chance(50) { self.questions.removeAll { $0 == flight.asked.question } }
        guard error.isRefusalOfKey else {
            self.purges.end(flight.asked.fingerprint, begunAt: completedAt)
            return .flying(flight, .completed(completion, at: completedAt))
        }
        switch self.shell.planted {
        case .refusalIsToldFirst:
            self.processes.append(.forgetting(Forgetting(name, at: completedAt), .nothing))
            return .flying(flight, .completed(completion, at: completedAt))
        case .renewalExtendsRevoked where completion.answer != answer:
            self.purges.end(name, begunAt: completedAt)
            return .flying(flight, .completed(completion, at: completedAt))
        case _:
            return .forgetting(
                Forgetting(name, at: completedAt), .resolve(flight, completion, completedAt: completedAt, snapshot))
        }
    }

    /// What a naive cache would do about contradictions.
    private mutating func checkMajority(
        _ completion: SimulatedShell.Completion, _ flight: SimulatedShell.Flight,
        _ said: Result<Plaintext, KeyServiceError>,
        _ before: Plaintext?
    ) {
        let (question, fingerprint) = (flight.asked.question, flight.asked.fingerprint)
        let told = completion.cached.map { .success($0.content.plaintext) } ?? completion.answer
        if let contradiction = flight.contradiction {
            let isDecided = [contradiction.cached, contradiction.new]
                .contains { $0.map { said == .success($0) } ?? false }
            let expected: Result<Plaintext, KeyServiceError> =
                isDecided || said.isRefusalOfKey ? said : .failure(.contradicted)
            self.referee.rule(told == expected, "\(question): \(told) is told of \(contradiction) and \(said)")
            if !isDecided {
                self.undecided[fingerprint] = self.shell.now
            } else if contradiction.cached != nil {
                self.undecided[fingerprint] = nil
            }
            if let content = self.shell.vault[fingerprint], !content.isPurged {
                self.referee.rule(
                    isDecided && said == .success(content.plaintext), "\(question): a contradicted plaintext is cached")
            }
        } else if before == nil, case .success = said, let since = self.undecided[fingerprint] {
            self.referee.rule(
                completion.contradiction != nil || self.shell.now - since >= self.shell.policy.any,
                "\(question): one answer is enough, of which key servers said different things")
        } else if let before, case .success(let plaintext) = said {
            self.referee.rule(
                before == plaintext || completion.contradiction != nil, "\(question): a contradiction is not noticed")
            self.referee.rule(
                before == plaintext || self.shell.vault[fingerprint] == nil,
                "\(question): a contradicted plaintext stays")
        }
    }

    private mutating func count(_ completion: SimulatedShell.Completion) {
        if completion.asksAgain {
            self.counts.misses += 1
            self.counts.continuations += 1
        }
        if completion.answersCached {
            self.counts.stale += completion.callers.count
            self.counts.staleAfterWaiting += completion.callers.count
        }
        guard !completion.firstAsked else { return }
        switch completion.answer {
        case .success: self.counts.renewals.succeeded += 1
        case .failure(let error) where error.isRefusal: self.counts.renewals.refused += 1
        case .failure: self.counts.renewals.failed += 1
        }
    }

    // MARK: Generating

    mutating func generate() {
        let name = self.anyName()
        let askedAt = self.tick()
        do throws(KeyServiceError) {
            try self.shell.checkPresence(of: name)
        } catch {
            self.counts.absent += 1
            self.counts.absentGenerations += 1
            return self.checkAbsence(of: name)
        }
        let context = ["", "", "a", "ab"].randomElement(using: &self.lots) ?? ""
        self.processes.append(
            .generating(
                Generation(
                    name: name, context: Array(context.utf8), startedAt: self.shell.now, begunAt: askedAt,
                    fill: self.shell.pendingFills.begin(name), snapshot: self.shell.absentKeys.snapshot,
                    askedAt: self.shell.clock)))
    }

    private mutating func generate(_ generation: Generation) -> Process? {
        switch generation.answer {
        case nil:
            guard self.server.reach != .slow || self.chance(15) else { return .generating(generation) }
            var generation = generation
            generation.answer = Result { () throws(KeyServiceError) in
                if let error = self.disturbance() { throw error }
                return try self.seal(generation)
            }
            if case .failure(.keyNotFound) = generation.answer {
                self.absences.note(generation.name, saidAt: self.tick(), askedAt: generation.startedAt)
            }
            return .generating(generation)
        case .success(let generated):
            let asked = self.shell.asked(generated.question)
            let before = self.shell.vault[asked.fingerprint].flatMap { $0.isPurged ? nil : $0.plaintext }
            let contradicts = self.shell.keep(
                generated.question, generated.plaintext, startedAt: generation.startedAt,
                begunAt: generation.begunAt, generation.fill)
            self.questions.append(generated.question)
            guard contradicts else {
                let isKept = self.shell.vault[asked.fingerprint]?.plaintext == generated.plaintext
                self.referee.rule(
                    before == nil || before == generated.plaintext || !isKept,
                    "\(generated.question): a new data key replaces another plaintext")
                return nil
            }
            self.counts.contradictions += 1
            self.undecided[asked.fingerprint] = self.shell.now
            return .confirming(generated, asked)
        case .failure(let error):
            _ = self.shell.pendingFills.end(generation.fill)
            guard error == .keyNotFound else { return nil }
            return .forgetting(
                Forgetting(generation.name, at: self.tick()),
                .noteAbsence(askedAt: generation.askedAt, generation.snapshot))
        }
    }

    /// Most data keys are new. Now and then a liar brings a ciphertext that there was, with another plaintext.
    private mutating func seal(_ generation: Generation) throws(KeyServiceError) -> Generated {
        let endpoint = self.anyEndpoint(but: [])
        let known = self.questions.suffix(3).filter { $0.name == generation.name && $0.context == generation.context }
        if self.server.liars.contains(endpoint), let known = known.randomElement(using: &self.lots) {
            return Generated(
                question: known, plaintext: try self.server.open(known, at: endpoint), endpoint: endpoint)
        }
        let question = try self.server.seal(generation.name, context: generation.context, &self.lots)
        guard let plaintext = self.server.plaintext(of: question) else { throw .internalFailure }
        return Generated(question: question, plaintext: plaintext, endpoint: endpoint)
    }

    private mutating func confirm(_ generated: Generated, _ asked: SimulatedShell.Asked) {
        let endpoint = self.anyEndpoint(but: [generated.endpoint])
        let third = Result { () throws(KeyServiceError) in
            if let error = self.disturbance() { throw error }
            return try self.server.open(generated.question, at: endpoint)
        }
        guard third == .success(generated.plaintext) else { return }
        self.shell.confirm(asked)
        self.undecided[asked.fingerprint] = nil
    }

    // MARK: Forgetting

    private mutating func forget(_ forgetting: Forgetting, _ then: Then) -> Process? {
        var forgetting = forgetting
        switch forgetting.stage {
        case .pendingFills:
            self.shell.pendingFills.purge(forgetting.name)
            forgetting.stage = .purging(shard: 0)
        case .purging(let shard):
            self.shell.purge(forgetting.name, shard: shard)
            let isLast = shard + 1 == self.shell.shardCount
            forgetting.stage = isLast ? .sweeping(shard: 0, start: 0) : .purging(shard: shard + 1)
        case .sweeping(let shard, _) where shard == self.shell.shardCount:
            self.checkIsForgotten(forgetting)
            self.purges.end(forgetting.name, begunAt: forgetting.begunAt)
            return self.go(on: then, forgetting.name)
        case .sweeping(let shard, let start):
            let isSwept = start == 0 && !self.shell.hasPurgedEntries(shard: shard)
            let next = isSwept ? nil : self.shell.sweep(shard: shard, from: start, budget: 2)
            forgetting.stage = next.map { .sweeping(shard: shard, start: $0) } ?? .sweeping(shard: shard + 1, start: 0)
        }
        return .forgetting(forgetting, then)
    }

    private func checkIsForgotten(_ forgetting: Forgetting) {
        // What else comes of places that are emptied late is to be seen.
        if self.shell.planted == .placeIsEmptiedLate { return }
        let (name, begunAt) = (forgetting.name, forgetting.begunAt)
        for content in self.shell.vault.places {
            guard let content, name == nil || content.question.name == name, content.begunAt < begunAt else { continue }
            self.referee.rule(false, "\(content.question), from \(content.begunAt), outlives its purge of \(begunAt)")
        }
    }

    private mutating func go(on then: Then, _ name: KeyName?) -> Process? {
        switch then {
        case .nothing:
            return nil
        case .noteAbsence(let askedAt, let snapshot):
            if let name { self.shell.noteAbsence(of: name, askedAt: askedAt, snapshot) }
            return nil
        case .resolve(let flight, let completion, let completedAt, let snapshot):
            if let name, completion.answer == .failure(.keyNotFound) {
                self.shell.noteAbsence(of: name, askedAt: completion.askedAt, snapshot)
            }
            return .flying(flight, .completed(completion, at: completedAt))
        }
    }
}

extension CacheWorld.Process {
    /// A question that the core takes to be under way.
    var isFlight: Bool {
        switch self {
        case .flying(_, .begun), .flying(_, .asked), .flying(_, .answered): true
        case .flying(_, .completed), .asking, .leaving, .generating, .confirming, .forgetting, .sweeping, .creating,
            .deleting:
            false
        }
    }

    func isFlight(for fingerprint: Fingerprint) -> Bool {
        guard case .flying(let flight, _) = self else { return false }
        return self.isFlight && flight.asked.fingerprint == fingerprint
    }
}

extension Result<Plaintext, KeyServiceError> {
    fileprivate var isRefusalOfKey: Bool { if case .failure(let error) = self { error.isRefusalOfKey } else { false } }
}
