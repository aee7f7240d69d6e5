// SPDX-License-Identifier: Apache-2.0

package import KeyService
import Linux
package import LockedMemory
import Primitives
import Synchronization
import Telemetry

/// Keeps unwrapped data keys for a while and answers repeats, over any other key service.
///
/// It decides nothing: ``CacheCore`` does, of which each ``CacheShard`` has one. A hit is looked up in its shard under
/// the shard's lock, on the thread that asks. What is not at hand is asked for once, in a task of its own, which is
/// nobody's: whoever asked may give up without harm to those who joined him.
///
/// Who may ask is settled before: nothing here looks at callers.
package final class CachedKeyService: KeyService {
    let backend: any KeyService
    package let policy: ExpiryPolicy
    let memory: SecretMemory
    let clock: @Sendable () -> BootTime
    let report: @Sendable (CacheNotice) -> Void

    private let fingerprinter: Fingerprinter
    /// Goes up when the backend begins to know us as somebody else.
    private let generation = Atomic<UInt64>(1)
    let shards: [CacheShard]
    private let requestBodies: RequestBodyIndex
    private let sweepPeriod: Duration
    let keyEvents = Mutex(KeyEvents())
    private let staleAnswers = StaleAnswerMonitor()
    private let absentCount = Counter()
    /// When a contradiction was last reported; 0 before the first.
    let contradictionReportedAt = Atomic<Int>(0)

    /// What is known of keys rather than of data keys. Looked at on a miss only.
    struct KeyEvents {
        var pendingFills = PendingFills()
        var absentKeys = AbsentKeys()
    }

    package struct Options: Sendable {
        /// Data keys at a time.
        package var capacity: Int
        package var policy: ExpiryPolicy

        package init(capacity: Int, policy: ExpiryPolicy) {
            self.capacity = capacity
            self.policy = policy
        }
    }

    /// - Parameters:
    ///   - clock: never goes back, and goes on while the machine sleeps.
    ///   - fingerprintKey: random.
    ///   - report: is told of changes, on any thread.
    /// - Throws: `.cannotLock` when the kernel locks too little for so many.
    package init(
        _ backend: any KeyService, options: Options, memory: SecretMemory,
        clock: @escaping @Sendable () -> BootTime,
        fingerprintKey: (UInt64, UInt64) = (.random(in: .min ... .max), .random(in: .min ... .max)),
        report: @escaping @Sendable (CacheNotice) -> Void = { _ in }
    ) throws(LockedMemoryError) {
        self.backend = backend
        self.policy = options.policy
        self.memory = memory
        self.clock = clock
        self.report = report
        self.fingerprinter = Fingerprinter(key: fingerprintKey)
        let vault = try memory.makeVault(capacity: options.capacity)
        let shardCount = Self.shardCount(for: options.capacity)
        var firstPlace = 0
        self.shards = (0..<shardCount)
            .map { index in
                let capacity = (options.capacity + index) / shardCount
                defer { firstPlace += capacity }
                return CacheShard(
                    capacity: capacity, policy: options.policy, vault: vault, firstPlace: firstPlace, memory: memory)
            }
        self.requestBodies = RequestBodyIndex(capacity: options.capacity, shareCount: shardCount)
        self.sweepPeriod = Self.sweepPeriod(of: options.policy)
    }

    /// Enough that threads seldom meet, and few enough that each has the room to judge what is worth keeping.
    private static func shardCount(for capacity: Int) -> Int { capacity < 1024 ? 1 : 16 }

    /// How long what has expired may lie in its place: a quarter of its life, and no longer than half a minute.
    private static func sweepPeriod(of policy: ExpiryPolicy) -> Duration {
        let life = policy.unused == .zero ? policy.any : min(policy.any, policy.unused)
        return .nanoseconds(min(max(life.nanoseconds / 4, 1_000_000_000), 30_000_000_000))
    }

    package var kind: String { self.backend.kind }
    package var defaultKeyName: KeyName { self.backend.defaultKeyName }
    package var isOutOfReach: Bool { self.backend.isOutOfReach }

    // MARK: Decrypting

    package func decryptImmediately(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) throws(KeyServiceError) -> Decryption? {
        let fingerprint = self.fingerprint(name, ciphertext, associatedData)
        let found = try self.shard(of: fingerprint)
            .lookUp(fingerprint, of: name, at: self.clock()) { self.backend.isOutOfReach }
        guard let found else { return nil }
        if found.renews {
            let question = Question(
                fingerprint: fingerprint, name: name, ciphertext: ciphertext, associatedData: associatedData)
            Task { await self.askUntilAnswered(question) }
        }
        return self.take(found)
    }

    package func decryptImmediately(_ name: KeyName, requestBody: Span<UInt8>) throws(KeyServiceError) -> Decryption? {
        let requestBody = self.fingerprinter.fingerprint(
            generation: self.generation.load(ordering: .acquiring), name: name, requestBody: requestBody)
        guard let fingerprint = self.requestBodies.question(of: requestBody) else { return nil }
        let found = try self.shard(of: fingerprint)
            .lookUp(fingerprint, of: nil, at: self.clock()) { self.backend.isOutOfReach }
        guard let found else { return nil }
        return self.take(found)
    }

    package func remember(
        requestBody: Span<UInt8>, of name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) {
        let requestBody = self.fingerprinter.fingerprint(
            generation: self.generation.load(ordering: .acquiring), name: name, requestBody: requestBody)
        self.requestBodies.remember(requestBody, of: self.fingerprint(name, ciphertext, associatedData))
    }

    package func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Decryption {
        let now = self.clock()
        try self.checkPresence(of: name, at: now)
        if ciphertext.bytes.count + associatedData.bytes.count > Self.sharedByteCountMax {
            return try await self.decryptAlone(name, ciphertext: ciphertext, associatedData: associatedData)
        }
        let question = self.question(name, ciphertext, associatedData)
        let shard = self.shard(of: question)
        let caller = CacheShard.Caller()
        switch try shard.ask(question, caller, at: now, isOutOfReach: { self.backend.isOutOfReach }) {
        case .found(let found):
            if found.renews { Task { await self.askUntilAnswered(question) } }
            return self.take(found)
        case .wait(begins: true):
            // Where the caller's own steps run: threads are switched for the key server's answer alone.
            Task.immediate(executorPreference: CurrentTask.preferredExecutor) { await self.askUntilAnswered(question) }
        case .wait(begins: false): break
        }
        switch await caller.wait(ifCancelled: .gaveUp) {
        case .opened(let plaintext, let origin):
            return try self.copy(plaintext, origin)
        case .failed(let error):
            throw error
        case .gaveUp:
            shard.leave(question.fingerprint, caller)
            throw .timedOut
        }
    }

    /// Longest request, in bytes, that callers share. The plaintext of a longer one is no data key and is not cached.
    private static let sharedByteCountMax = 4 << 10

    /// Sends a request for one caller only, so that its memory is released when the caller is cancelled. A shared flight
    /// would continue without callers.
    private func decryptAlone(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Decryption {
        let query = self.beginQuery()
        do throws(KeyServiceError) {
            return try await self.backend.decrypt(name, ciphertext: ciphertext, associatedData: associatedData)
        } catch {
            await self.remember(from: error, of: name, query)
            if error == .notAllowed { await self.purge(name) }
            throw error
        }
    }

    private func take(_ found: consuming CacheShard.Found) -> Decryption {
        let decryption = found.take()
        if case .stale = decryption.origin { self.staleAnswers.note(1, report: self.report) }
        return decryption
    }

    private func copy(_ plaintext: SharedSecret, _ origin: AnswerOrigin) throws(KeyServiceError) -> Decryption {
        do throws(LockedMemoryError) {
            return Decryption(try plaintext.value.copy(in: self.memory), origin: origin)
        } catch {
            throw KeyServiceError(error)
        }
    }

    func question(_ name: KeyName, _ ciphertext: Ciphertext, _ associatedData: AssociatedData) -> Question {
        Question(
            fingerprint: self.fingerprint(name, ciphertext, associatedData), name: name, ciphertext: ciphertext,
            associatedData: associatedData)
    }

    private func fingerprint(
        _ name: KeyName, _ ciphertext: Ciphertext, _ associatedData: AssociatedData
    ) -> Fingerprint {
        self.fingerprinter.fingerprint(
            generation: self.generation.load(ordering: .acquiring), name: name, ciphertext: ciphertext.bytes.span,
            associatedData: associatedData.bytes.span)
    }

    func shard(of question: Question) -> CacheShard { self.shard(of: question.fingerprint) }

    private func shard(of fingerprint: Fingerprint) -> CacheShard {
        self.shards[Int(truncatingIfNeeded: fingerprint.high) & (self.shards.count - 1)]
    }

    // MARK: Flights

    /// Asks the key server and tells those who wait: once, and again for those who came after a purge.
    private func askUntilAnswered(_ question: Question) async {
        while await self.askOnce(question) {}
    }

    /// - Returns: whether to ask again.
    private func askOnce(_ question: Question) async -> Bool {
        let witness = self.keyEvents.withLock { $0.absentKeys.witness }
        let answer = await self.ask(question)
        let landing = self.shard(of: question)
            .land(question.fingerprint, answer.reply, plaintext: answer.plaintext, at: self.clock()) {
                self.backend.isOutOfReach
            }
        return await self.conclude(question, landing, answer, witness)
    }

    /// Does what a landing says.
    ///
    /// - Returns: whether to ask again.
    func conclude(
        _ question: Question, _ landing: consuming CacheShard.Landing, _ answer: consuming Answer,
        _ witness: AbsentKeys.Witness
    ) async -> Bool {
        let (reply, callers, firstAsked) = (answer.reply, landing.callers, landing.firstAsked)
        let (askedAt, asksAgain) = (landing.askedAt, landing.asksAgain)
        switch landing.takeVerdict() {
        case .contradiction(let contradiction):
            return await self.resolve(contradiction, by: answer, question, witness)
        case .undecided:
            for caller in callers { caller.resolve(.failed(.contradicted)) }
        case .held(let held):
            await self.remember(from: reply, of: question.name, askedAt: askedAt, witness)
            self.resolve(callers, reply, held: held)
        case .reply:
            // Before callers resume: a caller that knows of a refusal must not get an answer from before it.
            await self.remember(from: reply, of: question.name, askedAt: askedAt, witness)
            self.resolve(callers, reply, answer.takePlaintext(), firstAsked: firstAsked)
        }
        return asksAgain
    }

    private func resolve(
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

    private func resolve(_ callers: [CacheShard.Caller], _ reply: CacheShard.Reply, held: consuming Decryption?) {
        if let held {
            let origin = held.origin
            let shared = SharedSecret(held.takePlaintext())
            if !callers.isEmpty { self.staleAnswers.note(callers.count, report: self.report) }
            for caller in callers { caller.resolve(.opened(shared, origin)) }
        } else if case .failed(let error) = reply {
            for caller in callers { caller.resolve(.failed(error)) }
        }
    }

    private func remember(
        from reply: CacheShard.Reply, of name: KeyName, askedAt: BootTime, _ witness: AbsentKeys.Witness
    ) async {
        switch reply {
        case .opened:
            self.staleAnswers.end(report: self.report)
        case .failed(let error):
            await self.remember(from: error, of: name, KeyQuery(askedAt: askedAt, witness: witness))
            if error == .notAllowed { await self.purge(name) }
        }
    }
}

// MARK: - What is known of keys

extension CachedKeyService {
    /// - Throws: `.keyNotFound` if the key server has said so just now.
    func checkPresence(of name: KeyName, at now: BootTime) throws(KeyServiceError) {
        guard self.keyEvents.withLock({ $0.absentKeys.contains(name, at: now) }) else { return }
        self.absentCount.add()
        throw .keyNotFound
    }

    /// Asks the backend for something about a key, and takes note if it has no such key.
    ///
    /// That an operation is not allowed says nothing of what may be decrypted: rights are for each operation.
    func learning<Answer: ~Copyable>(
        of name: KeyName, _ body: () async throws(KeyServiceError) -> Answer
    ) async throws(KeyServiceError) -> Answer {
        let query = self.beginQuery()
        do throws(KeyServiceError) {
            return try await body()
        } catch {
            await self.remember(from: error, of: name, query)
            throw error
        }
    }

    /// A question about a key, as of the moment when the key server is asked.
    struct KeyQuery {
        let askedAt: BootTime
        let witness: AbsentKeys.Witness
    }

    func beginQuery() -> KeyQuery {
        KeyQuery(askedAt: self.clock(), witness: self.keyEvents.withLock { $0.absentKeys.witness })
    }

    /// Takes note of a key that does not exist.
    func remember(from error: KeyServiceError, of name: KeyName, _ query: KeyQuery) async {
        guard error == .keyNotFound else { return }
        await self.purge(name)
        let now = self.clock()
        self.keyEvents.withLock {
            $0.absentKeys.insert(name, askedAt: query.askedAt, query.witness, at: now)
        }
    }

    /// A key was created, or may have been.
    func notePresence(of name: KeyName) { self.keyEvents.withLock { $0.absentKeys.remove(name) } }

    // MARK: Purging

    /// Forgets a key's data keys, or all there are. When this returns, nothing that was there before answers, and the
    /// memory is wiped.
    ///
    /// - Parameter name: nil for all.
    /// - Returns: how many data keys there were.
    @discardableResult package func forget(_ name: KeyName?) -> Int {
        self.keyEvents.withLock { $0.pendingFills.purge(name) }
        let count = self.shards.reduce(0) { $0 + $1.purge(name) }
        // Also what a shard has purged itself, or somebody else is about to sweep.
        for shard in self.shards where shard.hasPurgedEntries { shard.sweep(at: self.clock()) }
        return count
    }

    /// The same where many wait for the thread: it may take a while.
    @discardableResult package func purge(_ name: KeyName?) async -> Int {
        await withTaskExecutorPreference(globalConcurrentExecutor) { self.forget(name) }
    }

    /// The backend knows us as somebody else from now on, who may not have the same rights.
    package func changeIdentity() {
        self.generation.wrappingAdd(1, ordering: .acquiringAndReleasing)
        self.keyEvents.withLock { $0.absentKeys.removeAll() }
        self.forget(nil)
    }

    // MARK: Upkeep

    /// Empties the places of what has expired, until it is cancelled.
    package func run() async {
        while true {
            do {
                try await Task.sleep(for: self.sweepPeriod)
            } catch {
                return
            }
            self.sweep()
        }
    }

    private func sweep() { for shard in self.shards { shard.sweep(at: self.clock()) } }

    package var statistics: CacheStatistics {
        var statistics = self.shards.reduce(into: CacheStatistics()) { $0 += $1.statistics }
        statistics.absent = self.absentCount.current
        return statistics
    }

    /// Whether answers are given that nobody can vouch for at present.
    package var isAnsweringStale: Bool { self.staleAnswers.isUnderWay }
}
