// SPDX-License-Identifier: Apache-2.0

import KeyService
import TestSupport

@testable import KeyCache

/// Those who ask, and what they may be told.
extension CacheWorld {
    mutating func ask() {
        guard let question = self.anyQuestion() else { return self.generate() }
        let number = self.clients.count
        let asked = self.shell.asked(question)
        self.clients.append(
            Client(asked: asked, askedAt: self.tick(), barrier: self.purges.barrier(for: asked)))
        self.counts.asked += 1
        do throws(KeyServiceError) {
            if self.chance(70) {
                if let found = try self.shell.lookUp(asked) { return self.answer(number, found, asked) }
                self.checkNothingIsAtHand(asked)
            }
        } catch {
            return self.runOut(number)
        }
        if self.chance(30) {
            self.processes.append(.asking(number, asked))
        } else {
            self.ask(number, asked)
        }
    }

    /// Mostly of a few, so that they are asked at the same time; now and then bytes move from one field to the next.
    private mutating func anyQuestion() -> SealedQuestion? {
        let popular = self.questions.suffix(self.chance(70) ? 3 : 12)
        guard let question = popular.randomElement(using: &self.lots), self.chance(12) else {
            return popular.randomElement(using: &self.lots)
        }
        let name = Array(question.name.description.utf8)
        let fields = name + question.ciphertext + question.context
        let nameEnd = Int.random(in: 1...3, using: &self.lots)
        let ciphertextEnd = Int.random(in: nameEnd...fields.count, using: &self.lots)
        return SealedQuestion(
            name: .named(String(decoding: fields[..<nameEnd], as: UTF8.self)),
            ciphertext: Array(fields[nameEnd..<ciphertextEnd]), context: Array(fields[ciphertextEnd...]))
    }

    mutating func ask(_ number: Int, _ asked: SimulatedShell.Asked) {
        do throws(KeyServiceError) {
            try self.shell.checkPresence(of: asked.question.name)
        } catch {
            self.counts.absent += 1
            self.clients[number].state = .answered
            self.checkAbsence(of: asked.question.name)
            return
        }
        do throws(KeyServiceError) {
            switch try self.shell.ask(asked, number) {
            case .hit(let found):
                self.answer(number, found, asked)
            case .wait(let begins):
                self.clients[number].state = .waiting
                if begins { self.counts.misses += 1 } else { self.counts.coalesced += 1 }
                self.checkNothingIsAtHand(asked)
                if begins { self.begin(asked) }
            case .kept(_, let saidAt, let begunAt):
                self.counts.asked -= 1
                self.checkTold(number, saidAt: saidAt, begunAt: begunAt)
            }
        } catch {
            self.runOut(number)
        }
    }

    mutating func begin(_ asked: SimulatedShell.Asked) {
        let flight = SimulatedShell.Flight(asked: asked, startedAt: self.shell.now, begunAt: self.tick())
        self.processes.append(.flying(flight, .begun))
    }

    private mutating func runOut(_ number: Int) {
        self.clients[number].state = .answered
        self.referee.rule(self.shell.isExhausted, "client \(number) is told of exhaustion that there is not")
    }

    mutating func giveUp() {
        guard let number = self.clients.indices.suffix(40).randomElement(using: &self.lots) else { return }
        guard self.clients[number].state == .waiting else { return }
        self.clients[number].state = .gaveUp
        self.processes.append(.leaving(number))
    }

    // MARK: Answers at hand

    private mutating func answer(_ number: Int, _ found: SimulatedShell.Hit, _ asked: SimulatedShell.Asked) {
        if found.cached.isStale { self.counts.stale += 1 } else { self.counts.hits += 1 }
        self.clients[number].state = .answered
        self.check(found, for: number)
        if found.renews { self.begin(asked) }
    }

    /// The rules for what comes from a place.
    func check(_ found: SimulatedShell.Hit, for number: Int) {
        let (client, content, policy) = (self.clients[number], found.content, self.shell.policy)
        self.checkOpened(number, content.question, content.plaintext, begunAt: content.begunAt)
        let age = self.shell.now - content.askedAt
        let idle = self.shell.now - content.answeredAt
        if found.cached.isStale {
            self.referee.rule(
                self.shell.isOutOfReach, "\(client.question) is answered stale while somebody is in reach")
            self.referee.rule(
                policy.offline > .zero && age <= policy.any + policy.offline,
                "\(client.question) is answered stale at the age of \(age)")
        } else {
            self.referee.rule(age <= policy.any, "\(client.question) is answered at the age of \(age)")
            self.referee.rule(
                policy.unused == .zero || idle <= policy.unused, "\(client.question) is answered after \(idle) unused")
        }
        self.referee.rule(
            found.cached.age == age, "\(client.question) is \(age) old and said to be \(found.cached.age)")
    }

    private func checkOpened(_ number: Int, _ question: SealedQuestion, _ plaintext: Plaintext, begunAt: Int) {
        let client = self.clients[number]
        self.referee.rule(
            question == client.question && self.server.concerns(plaintext, client.question),
            "\(client.question) is answered with what \(question) sealed")
        self.referee.rule(
            begunAt >= client.barrier,
            "\(client.question), asked at \(client.askedAt), is answered from \(begunAt), before the purge of \(client.barrier)"
        )
    }

    /// What could answer is not asked for.
    private func checkNothingIsAtHand(_ asked: SimulatedShell.Asked) {
        guard let content = self.shell.vault[asked.fingerprint], !content.isPurged,
            self.shell.planted != .wallClock
        else { return }
        // Idle is measured up to so much too long.
        let idle = self.shell.now - content.answeredAt + self.shell.policy.useGranularity
        let freshness = self.shell.policy.freshness(age: self.shell.now - content.askedAt, idle: idle)
        self.referee.rule(freshness != .fresh, "\(asked.question) is asked for though it is at hand")
        self.referee.rule(
            freshness != .stale || !self.shell.isOutOfReach, "\(asked.question) is asked for though it may answer stale"
        )
    }

    func checkAbsence(of name: KeyName) {
        let isTrue = self.absences.mayBeAbsent(name, at: self.shell.now)
        self.referee.rule(isTrue, "\(name) is said to be absent, and nobody has said so lately")
    }

    // MARK: Answers of the key server

    mutating func resolve(_ completion: SimulatedShell.Completion, _ flight: SimulatedShell.Flight, completedAt: Int) {
        for number in completion.callers {
            let state = self.clients[number].state
            self.referee.rule(state != .answered, "client \(number) is answered twice")
            self.referee.rule(state != .asking, "client \(number) is answered who does not wait")
            guard state == .waiting else { continue }
            self.clients[number].state = .answered
            switch (completion.answer, completion.cached) {
            case (.success(let plaintext), _):
                self.checkOpened(number, flight.asked.question, plaintext, begunAt: flight.begunAt)
            case (.failure, .some):
                break  // It was looked at when it was found.
            case (.failure(let error), nil):
                self.checkTold(number, saidAt: completedAt, begunAt: flight.begunAt)
                if error.isRefusalOfKey { self.purges.end(flight.asked.question.name, begunAt: completedAt) }
            }
        }
    }

    private mutating func checkTold(_ number: Int, saidAt: Int, begunAt: Int) {
        let client = self.clients[number]
        self.clients[number].state = .answered
        self.referee.rule(saidAt > client.askedAt, "client \(number) is told a failure from before it asked")
        self.referee.rule(begunAt >= client.barrier, "client \(number) is told a failure from before a purge")
    }
}
