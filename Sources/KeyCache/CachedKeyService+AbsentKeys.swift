// SPDX-License-Identifier: Apache-2.0

import KeyService
import Synchronization
import Telemetry

/// What the service learns about keys themselves: which ones do not exist.
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
        let snapshot: AbsentKeys.Snapshot
    }

    func beginQuery() -> KeyQuery {
        KeyQuery(askedAt: self.clock(), snapshot: self.keyEvents.withLock { $0.absentKeys.snapshot })
    }

    /// Takes note of a key that does not exist.
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
