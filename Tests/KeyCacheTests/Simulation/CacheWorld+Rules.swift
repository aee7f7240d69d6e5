// SPDX-License-Identifier: Apache-2.0

import KeyService

@testable import KeyCache

/// What must hold after every step.
extension CacheWorld {
    func check() {
        self.checkPlaces()
        self.checkUndecided()
        self.checkStatistics()
        let flightCount = self.processes.count(where: \.isFlight)
        self.referee.rule(
            self.shell.flightCount == flightCount,
            "\(self.shell.flightCount) questions count as asked, and \(flightCount) are being asked")
    }

    private func checkPlaces() {
        let contents = self.shell.vault.places.compactMap(\.self)
        let statistics = self.shell.statistics
        self.referee.rule(
            self.shell.placesInUse == contents.count || self.shell.planted == .placeIsEmptiedLate,
            "\(self.shell.placesInUse) places count as used, and \(contents.count) are")
        let liveCount = contents.count { !$0.isPurged }
        self.referee.rule(
            statistics.entries == liveCount || self.shell.planted == .placeIsEmptiedLate,
            "\(statistics.entries) entries are counted, and there are \(liveCount)")
        self.referee.rule(
            statistics.entries <= statistics.capacity && statistics.capacity == self.shell.vault.places.count,
            "\(statistics.entries) entries of at most \(statistics.capacity)")
        let evictions = statistics.evictions
        let gone = evictions.capacity + evictions.expired + evictions.purged + evictions.contradicted
        self.referee.rule(
            self.shell.vault.entryCount == statistics.entries + gone || self.shell.planted == .placeIsEmptiedLate,
            "\(self.shell.vault.entryCount) entries came, \(gone) went and \(statistics.entries) are here")
    }

    /// What no majority confirmed is not cached for a while.
    private func checkUndecided() {
        for (fingerprint, since) in self.undecided where self.shell.now - since < self.shell.policy.any {
            guard let content = self.shell.vault[fingerprint], !content.isPurged else { continue }
            self.referee.rule(false, "\(content.question) is cached, of which key servers said different things")
        }
    }

    private func checkStatistics() {
        let (statistics, counts) = (self.shell.statistics, self.counts)
        let unopened = self.shell.unopened
        self.referee.rule(statistics.hits == counts.hits + unopened.fresh, "\(statistics.hits) hits of \(counts)")
        self.referee.rule(statistics.stale == counts.stale + unopened.stale, "\(statistics.stale) stale of \(counts)")
        self.referee.rule(statistics.misses == counts.misses, "\(statistics.misses) misses of \(counts)")
        self.referee.rule(statistics.coalesced == counts.coalesced, "\(statistics.coalesced) coalesced of \(counts)")
        self.referee.rule(statistics.absent == counts.absent, "\(statistics.absent) absent of \(counts)")
        self.referee.rule(
            statistics.contradictions == counts.contradictions,
            "\(statistics.contradictions) contradictions of \(counts)")
        self.referee.rule(statistics.renewals == counts.renewals, "\(statistics.renewals) of \(counts)")
        let answered =
            statistics.hits + statistics.misses + statistics.coalesced + statistics.stale + statistics.absent
        let asked =
            counts.asked - self.askingCount + counts.continuations + counts.staleAfterWaiting + counts.absentGenerations
        self.referee.rule(answered == asked, "\(answered) decrypts are accounted for, of \(asked)")
    }

    private var askingCount: Int {
        self.processes.count { process in
            if case .asking = process { true } else { false }
        }
    }
}

/// When what was last forgotten: whoever asks from then on gets nothing that was asked before the purge began.
struct Purges {
    private var all = 0
    private var names: [KeyName: Int] = [:]
    /// By fingerprint: what one identity was told is nothing to the next.
    private var questions: [Fingerprint: Int] = [:]

    func barrier(for asked: SimulatedShell.Asked) -> Int {
        max(self.all, self.names[asked.question.name] ?? 0, self.questions[asked.fingerprint] ?? 0)
    }

    /// - Parameter name: nil for all.
    mutating func end(_ name: KeyName?, begunAt: Int) {
        if let name {
            self.names[name] = max(self.names[name] ?? 0, begunAt)
        } else {
            self.all = max(self.all, begunAt)
        }
    }

    mutating func end(_ fingerprint: Fingerprint, begunAt: Int) {
        self.questions[fingerprint] = max(self.questions[fingerprint] ?? 0, begunAt)
    }
}

/// Which keys the key server has said it does not have.
struct Absences {
    private struct Absence {
        let name: KeyName
        let saidAt: Int
        let askedAt: BootTime
    }

    private var absences: [Absence] = []

    mutating func note(_ name: KeyName, saidAt: Int, askedAt: BootTime) {
        if self.absences.count == 64 { self.absences.removeFirst() }
        self.absences.append(Absence(name: name, saidAt: saidAt, askedAt: askedAt))
    }

    /// The key was created: what was said before does not count.
    mutating func forget(_ name: KeyName, before createdAt: Int) {
        self.absences.removeAll { $0.name == name && $0.saidAt < createdAt }
    }

    mutating func forgetAll(before changedAt: Int) { self.absences.removeAll { $0.saidAt < changedAt } }

    func mayBeAbsent(_ name: KeyName, at now: BootTime) -> Bool {
        self.absences.contains { $0.name == name && now - $0.askedAt < AbsentKeys.lifetime }
    }
}
