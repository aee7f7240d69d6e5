// SPDX-License-Identifier: Apache-2.0

package import KeyService
import Linux
package import LockedMemory
import Primitives
import Synchronization
import Telemetry

/// Caches decrypted data keys in front of another key service.
///
/// ``CacheCore`` makes the decisions; each ``CacheShard`` has one. A hit is looked up under the shard's lock, on the
/// caller's thread. A miss asks the key server once, in a task that belongs to no caller: each caller can be cancelled
/// without effect on the others.
///
/// Callers must be authorised before: the cache does not know them.
package final class CachedKeyService: KeyService {
    let backend: any KeyService
    package let policy: ExpiryPolicy
    let memory: SecretMemory
    let clock: @Sendable () -> BootTime
    let report: @Sendable (CacheNotice) -> Void

    private let fingerprinter: Fingerprinter
    /// Increases when the backend authenticates the agent as another identity.
    let generation = Atomic<UInt64>(1)
    let shards: [CacheShard]
    private let requestBodies: RequestBodyIndex
    private let sweepPeriod: Duration
    let keyEvents = Mutex(KeyEvents())
    let staleAnswers = StaleAnswerMonitor()
    let absentCount = Counter()
    /// When a contradiction was last reported; 0 before the first.
    let contradictionReportedAt = Atomic<Int>(0)

    /// What is known about keys, not data keys. Read only on a miss.
    struct KeyEvents {
        var pendingFills = PendingFills()
        var absentKeys = AbsentKeys()
    }

    /// Settings of a cache.
    package struct Options: Sendable {
        /// Maximum number of data keys.
        package var capacity: Int
        package var policy: ExpiryPolicy

        package init(capacity: Int, policy: ExpiryPolicy) {
            self.capacity = capacity
            self.policy = policy
        }
    }

    /// - Parameters:
    ///   - clock: monotonic, and advances while the machine sleeps.
    ///   - fingerprintKey: random.
    ///   - report: receives notices, on any thread.
    /// - Throws: `.cannotLock` if the kernel locks too little memory for this capacity.
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

    /// Enough shards that threads seldom wait, and few enough that each has enough entries for its eviction to work.
    private static func shardCount(for capacity: Int) -> Int { capacity < 1024 ? 1 : 16 }

    /// Maximum time from expiry to wiping: a quarter of the lifetime, at most half a minute.
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
        case .hit(let found):
            if found.renews { Task { await self.askUntilAnswered(question) } }
            return self.take(found)
        case .wait(begins: true):
            // On the caller's executor, so that only the key server's answer switches threads.
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

    /// Maximum request length in bytes for shared requests. The plaintext of a longer request is not a data key and is
    /// not cached.
    private static let sharedByteCountMax = 4 << 10

    /// Sends a request for one caller only, so that its memory is released when the caller is cancelled. A shared
    /// flight would continue without callers.
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

    private func take(_ found: consuming CacheShard.Hit) -> Decryption {
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

    // MARK: Upkeep

    /// Wipes expired data keys periodically, until it is cancelled.
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

    /// Sums over all shards. Takes each shard's lock.
    package var statistics: CacheStatistics {
        var statistics = self.shards.reduce(into: CacheStatistics()) { $0 += $1.statistics }
        statistics.absent = self.absentCount.current
        return statistics
    }

    /// Whether expired data keys are served because no key server can be reached.
    package var isAnsweringStale: Bool { self.staleAnswers.isUnderWay }
}
