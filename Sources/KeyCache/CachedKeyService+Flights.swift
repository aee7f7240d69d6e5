// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory
import Primitives
import Synchronization

/// One request to the key server for all callers that wait for its answer.
extension CachedKeyService {
    /// Asks the key server and resumes the callers; repeats for callers that came after a purge.
    func askUntilAnswered(_ question: Question) async {
        while await self.askOnce(question) {}
    }

    /// - Returns: whether to ask again.
    func askOnce(_ question: Question) async -> Bool {
        let snapshot = self.keyEvents.withLock { $0.absentKeys.snapshot }
        let answer = await self.ask(question)
        let completion = self.shard(of: question)
            .complete(question.fingerprint, answer.reply, plaintext: answer.plaintext, at: self.clock()) {
                self.backend.isOutOfReach
            }
        return await self.conclude(question, completion, answer, snapshot)
    }

    /// Applies a completion.
    ///
    /// - Returns: whether to ask again.
    func conclude(
        _ question: Question, _ completion: consuming CacheShard.Completion, _ answer: consuming Answer,
        _ snapshot: AbsentKeys.Snapshot
    ) async -> Bool {
        let (reply, callers, firstAsked) = (answer.reply, completion.callers, completion.firstAsked)
        let (askedAt, asksAgain) = (completion.askedAt, completion.asksAgain)
        switch completion.takeVerdict() {
        case .contradiction(let contradiction):
            return await self.resolve(contradiction, by: answer, question, snapshot)
        case .undecided:
            for caller in callers { caller.resolve(.failed(.contradicted)) }
        case .cached(let cached):
            await self.remember(from: reply, of: question.name, askedAt: askedAt, snapshot)
            self.resolve(callers, reply, cached: cached)
        case .reply:
            // Before callers resume: a caller that knows of a refusal must not get an older answer.
            await self.remember(from: reply, of: question.name, askedAt: askedAt, snapshot)
            self.resolve(callers, reply, answer.takePlaintext(), firstAsked: firstAsked)
        }
        return asksAgain
    }

    func resolve(
        _ callers: [CacheShard.Caller], _ reply: CacheShard.Reply, _ plaintext: consuming Secret?, firstAsked: Bool
    ) {
        if let plaintext {
            let shared = SharedSecret(plaintext)
            for (index, caller) in callers.enumerated() {
                caller.resolve(.opened(shared, index == 0 && firstAsked ? .miss : .coalesced))
            }
        } else if case .failed(let error) = reply {
            for caller in callers { caller.resolve(.failed(error)) }
        }
    }

    func resolve(_ callers: [CacheShard.Caller], _ reply: CacheShard.Reply, cached: consuming Decryption?) {
        if let cached {
            let origin = cached.origin
            let shared = SharedSecret(cached.takePlaintext())
            if !callers.isEmpty { self.staleAnswers.note(callers.count, report: self.report) }
            for caller in callers { caller.resolve(.opened(shared, origin)) }
        } else if case .failed(let error) = reply {
            for caller in callers { caller.resolve(.failed(error)) }
        }
    }

    func remember(
        from reply: CacheShard.Reply, of name: KeyName, askedAt: BootTime, _ snapshot: AbsentKeys.Snapshot
    ) async {
        switch reply {
        case .opened:
            self.staleAnswers.end(report: self.report)
        case .failed(let error):
            await self.remember(from: error, of: name, KeyQuery(askedAt: askedAt, snapshot: snapshot))
            if error == .notAllowed { await self.purge(name) }
        }
    }
}
