// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory
import Synchronization

/// What follows when a key server returns another plaintext than the cached one.
extension CachedKeyService {
    /// What the key server said, with the plaintext.
    struct Answer: ~Copyable {
        let reply: CacheShard.Reply
        let plaintext: Secret?

        var endpoint: EndpointIndex? { if case .opened(let endpoint) = self.reply { endpoint } else { nil } }

        /// Whether it has that plaintext. The time depends on the lengths alone.
        borrowing func hasPlaintext(_ other: borrowing Secret) -> Bool {
            switch self.plaintext {
            case .some(let plaintext): plaintext.isEqual(to: other)
            case .none: false
            }
        }

        /// The same for a plaintext that there may not be.
        borrowing func hasPlaintext(_ other: borrowing Secret?) -> Bool {
            switch other {
            case .some(let other): self.hasPlaintext(other)
            case .none: false
            }
        }

        /// Ends the value and hands on its plaintext.
        consuming func takePlaintext() -> Secret? { self.plaintext }
    }

    func ask(_ question: Question, avoiding endpoints: [EndpointIndex]? = nil) async -> Answer {
        do throws(KeyServiceError) {
            let opened =
                if let endpoints {
                    try await self.backend.decrypt(
                        question.name, ciphertext: question.ciphertext, associatedData: question.associatedData,
                        avoiding: endpoints)
                } else {
                    try await self.backend.decrypt(
                        question.name, ciphertext: question.ciphertext, associatedData: question.associatedData)
                }
            return Answer(reply: .opened(by: opened.endpoint), plaintext: opened.takePlaintext())
        } catch {
            return Answer(reply: .failed(error), plaintext: nil)
        }
    }

    /// Asks once more, preferably another endpoint, for a ciphertext with two plaintexts. Two equal ones of three win.
    ///
    /// - Returns: whether to ask again.
    func resolve(
        _ contradiction: consuming CacheShard.Contradiction, by second: consuming Answer, _ question: Question,
        _ snapshot: AbsentKeys.Snapshot
    ) async -> Bool {
        let (first, last) = (contradiction.endpoint, second.endpoint)
        let third = await self.ask(question, avoiding: [first, last].compactMap(\.self))
        let (confirmsFirst, confirmsSecond) = (
            third.hasPlaintext(contradiction.cached), third.hasPlaintext(second.plaintext)
        )
        let completion = self.shard(of: question)
            .complete(
                question.fingerprint, third.reply, plaintext: third.plaintext,
                confirms: confirmsFirst || confirmsSecond,
                at: self.clock()
            ) { self.backend.isOutOfReach }
        let minority = confirmsFirst ? last : confirmsSecond ? first : nil
        self.reportContradiction(of: question.name, isDecided: confirmsFirst || confirmsSecond, minority: minority)
        return await self.conclude(question, completion, third, snapshot)
    }

    private static let contradictionReportPeriod = TimeSpan.seconds(60)

    /// - Parameter minority: the endpoint that is known to have returned a wrong plaintext.
    private func reportContradiction(of name: KeyName, isDecided: Bool, minority: EndpointIndex?) {
        if let minority { self.backend.countWrongPlaintext(by: minority) }
        guard minority != nil || !isDecided else { return }
        let now = self.clock().nanoseconds
        let last = self.contradictionReportedAt.load(ordering: .relaxed)
        guard last == 0 || now - last >= Self.contradictionReportPeriod.nanoseconds else { return }
        self.contradictionReportedAt.store(now, ordering: .relaxed)
        self.report(.contradiction(name, isDecided: isDecided))
    }

    /// Has the ciphertext of a new data key decrypted, since another plaintext was cached for it.
    ///
    /// - Returns: the data key, if that confirms it.
    /// - Throws: `.contradicted` if not; what decrypting failed with.
    func resolve(
        _ contradiction: consuming CacheShard.Contradiction, by dataKey: consuming DataKey, _ name: KeyName,
        _ associatedData: AssociatedData
    ) async throws(KeyServiceError) -> DataKey {
        let question = self.question(name, dataKey.ciphertext, associatedData)
        let third = await self.ask(question, avoiding: [contradiction.endpoint, dataKey.endpoint].compactMap(\.self))
        let confirmsDataKey = third.hasPlaintext(dataKey.plaintext)
        let confirmsCached = third.hasPlaintext(contradiction.cached)
        let minority = confirmsCached ? dataKey.endpoint : confirmsDataKey ? contradiction.endpoint : nil
        self.reportContradiction(of: name, isDecided: confirmsDataKey || confirmsCached, minority: minority)
        guard confirmsDataKey else { throw .contradicted }
        self.shard(of: question).confirm(question.fingerprint)
        return dataKey
    }
}
