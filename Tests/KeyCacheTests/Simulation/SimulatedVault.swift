// SPDX-License-Identifier: Apache-2.0

import KeyService

@testable import KeyCache

/// Places, and beside each what a naive cache would know of it.
struct SimulatedVault {
    struct Content {
        let question: SealedQuestion
        let fingerprint: Fingerprint
        let plaintext: Plaintext
        /// When the key server was asked that vouches for it.
        let askedAt: BootTime
        /// The same in the order of things.
        let begunAt: Int
        /// When it last answered or came. Stale answers do not make it live longer.
        var answeredAt: BootTime
        var isPurged = false
    }

    private(set) var places: [Content?]
    /// How often an entry came that was not there.
    private(set) var entryCount = 0
    private var placeByFingerprint: [Fingerprint: Int] = [:]
    private let referee: Referee

    init(placeCount: Int, referee: Referee) {
        self.places = Array(repeating: nil, count: placeCount)
        self.referee = referee
    }

    subscript(_ fingerprint: Fingerprint) -> Content? {
        self.placeByFingerprint[fingerprint].flatMap { self.places[$0] }
    }

    mutating func store(_ content: Content, at place: Int) {
        let other = self.placeByFingerprint[content.fingerprint]
        self.referee.rule(other == nil || other == place, "\(content.question) has two places")
        if let before = self.places[place], before.fingerprint != content.fingerprint {
            self.placeByFingerprint[before.fingerprint] = nil
            self.entryCount += 1
        } else if self.places[place]?.isPurged ?? true {
            self.entryCount += 1
        }
        self.places[place] = content
        self.placeByFingerprint[content.fingerprint] = place
    }

    /// What lies in a place, for somebody who asks for `question`, as it was before.
    ///
    /// - Parameter now: if that is a use.
    mutating func open(_ place: Int, for question: SealedQuestion, usedAt now: BootTime?) -> Content? {
        guard let content = self.places[place] else {
            self.referee.rule(false, "a place is read that was emptied, for \(question)")
            return nil
        }
        self.referee.rule(!content.isPurged, "\(question) is answered from a purged entry")
        if let now { self.places[place]?.answeredAt = now }
        return content
    }

    mutating func empty(_ place: Int) {
        guard let content = self.places[place] else {
            self.referee.rule(false, "an empty place is emptied")
            return
        }
        self.placeByFingerprint[content.fingerprint] = nil
        self.places[place] = nil
    }

    /// - Returns: how many entries that were not purged before.
    mutating func purge(_ name: KeyName?, in range: Range<Int>) -> Int {
        var count = 0
        for place in range {
            guard let content = self.places[place], name == nil || content.question.name == name else { continue }
            if !content.isPurged { count += 1 }
            self.places[place]?.isPurged = true
        }
        return count
    }
}
