// SPDX-License-Identifier: Apache-2.0

package import KeyService
import Synchronization

/// Events of a cache that operators should know about.
package enum CacheNotice: Equatable, Sendable {
    /// No key server can be reached, and expired data keys are served.
    case answersStale
    /// A key server answers again, after this many stale answers.
    case answersFresh(afterStaleAnswers: Int)
    /// Key servers returned different plaintexts for one ciphertext of this key. Reported at most once a minute.
    /// `isDecided`: two of three answers agree.
    case contradiction(KeyName, isDecided: Bool)
}

/// Detects periods of stale answers, from the first stale answer to the next answer of a key server.
final class StaleAnswerMonitor: Sendable {
    /// Stale answers in the current period; 0 outside of one.
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
