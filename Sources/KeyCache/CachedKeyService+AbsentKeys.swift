// SPDX-License-Identifier: Apache-2.0

import KeyService
import Synchronization
import Telemetry

/// What the service knows about the existence of keys.
extension CachedKeyService {
    /// - Throws: `.keyNotFound` if a key server has reported the key as missing within the last second.
    func checkPresence(of name: KeyName, at now: BootTime) throws(KeyServiceError) {
        guard self.keyEvents.withLock({ $0.absentKeys.contains(name, at: now) }) else { return }
        self.absentCount.add()
        throw .keyNotFound
    }

    /// Runs an operation on a key and records whether the key exists.
    ///
    /// `.notAllowed` does not purge the key: KES grants permissions for each operation, so it says nothing about
    /// decrypting.
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

    /// The state when the key server is asked about a key.
    struct KeyQuery {
        let askedAt: BootTime
        let snapshot: AbsentKeys.Snapshot
    }

    func beginQuery() -> KeyQuery {
        KeyQuery(askedAt: self.clock(), snapshot: self.keyEvents.withLock { $0.absentKeys.snapshot })
    }

    /// Records a key that does not exist.
    func remember(from error: KeyServiceError, of name: KeyName, _ query: KeyQuery) async {
        guard error == .keyNotFound else { return }
        await self.purge(name)
        let now = self.clock()
        self.keyEvents.withLock {
            $0.absentKeys.insert(name, askedAt: query.askedAt, query.snapshot, at: now)
        }
    }

    /// A key was created, or may have been.
    func notePresence(of name: KeyName) { self.keyEvents.withLock { $0.absentKeys.remove(name) } }
}
