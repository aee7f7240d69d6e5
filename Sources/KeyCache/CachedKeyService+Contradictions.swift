// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory
import Synchronization

/// How the service handles a plaintext that contradicts the cached one.
extension CachedKeyService {
    /// The key server's answer with its plaintext.
    struct Answer: ~Copyable {
        let reply: CacheShard.Reply
        let plaintext: Secret?

        var endpoint: EndpointIndex? { if case .opened(let endpoint) = self.reply { endpoint } else { nil } }

        /// Whether the plaintexts are equal. Takes a time that depends only on their lengths.
        borrowing func hasPlaintext(_ other: borrowing Secret) -> Bool {
            switch self.plaintext {
            case .some(let plaintext): plaintext.isEqual(to: other)
            case .none: false
            }
        }

        /// As above, for an optional plaintext. Nil equals nothing.
        borrowing func hasPlaintext(_ other: borrowing Secret?) -> Bool {
            switch other {
            case .some(let other): self.hasPlaintext(other)
            case .none: false
            }
        }

        /// Consumes the answer and returns its plaintext.
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

    /// Asks once more, preferably another endpoint, for a ciphertext with two plaintexts. Two equal answers of three
    /// win.
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

    /// - Parameter minority: the endpoint that returned the wrong plaintext, if known.
    private func reportContradiction(of name: KeyName, isDecided: Bool, minority: EndpointIndex?) {
        if let minority { self.backend.countWrongPlaintext(by: minority) }
        guard minority != nil || !isDecided else { return }
        let now = self.clock().nanoseconds
        let last = self.contradictionReportedAt.load(ordering: .relaxed)
        guard last == 0 || now - last >= Self.contradictionReportPeriod.nanoseconds else { return }
        self.contradictionReportedAt.store(now, ordering: .relaxed)
        self.report(.contradiction(name, isDecided: isDecided))
    }

    /// Decrypts the ciphertext of a new data key whose plaintext differs from the cached one.
    ///
    /// - Returns: the data key, if the decryption confirms it.
    /// - Throws: `.contradicted` if not, or the error of the decryption.
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
