// SPDX-License-Identifier: Apache-2.0

package import KeyService
import Synchronization

/// What operators are to know of a cache.
package enum CacheNotice: Equatable, Sendable {
    /// Nobody can be reached, and data keys answer that nobody vouches for any more.
    case answersStale
    /// That is over, after so many answers.
    case answersFresh(afterStaleAnswers: Int)
    /// Key servers returned different plaintexts for one ciphertext of this key. Reported once a minute at most.
    /// `isDecided`: two of three answers agree.
    case contradiction(KeyName, isDecided: Bool)
}

/// A time in which stale answers are given, from the first of them to the next answer of the key server.
final class StaleAnswerMonitor: Sendable {
    /// Of this one; 0 while there is none.
    private let answerCount = Atomic<Int>(0)

    var isUnderWay: Bool { self.answerCount.load(ordering: .relaxed) > 0 }

    func note(_ count: Int, report: (CacheNotice) -> Void) {
        if self.answerCount.wrappingAdd(count, ordering: .relaxed).oldValue == 0 { report(.answersStale) }
    }

    func end(report: (CacheNotice) -> Void) {
        guard self.isUnderWay else { return }
        let count = self.answerCount.exchange(0, ordering: .relaxed)
        if count > 0 { report(.answersFresh(afterStaleAnswers: count)) }
    }
}
