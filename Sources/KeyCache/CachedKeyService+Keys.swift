// SPDX-License-Identifier: Apache-2.0

package import KeyService
package import LockedMemory

/// Operations without a cache. Their outcomes show whether a key exists.
extension CachedKeyService {
    package func createKey(_ name: KeyName) async throws(KeyServiceError) {
        // Even after an error, the key may have been created.
        defer { self.notePresence(of: name) }
        try await self.backend.createKey(name)
    }

    package func importKey(
        _ name: KeyName, key: consuming Secret, algorithm: KeyAlgorithm
    ) async throws(KeyServiceError) {
        defer { self.notePresence(of: name) }
        try await self.backend.importKey(name, key: key, algorithm: algorithm)
    }

    package func deleteKey(_ name: KeyName) async throws(KeyServiceError) {
        do throws(KeyServiceError) {
            try await self.backend.deleteKey(name)
        } catch {
            switch error {
            case .notAllowed, .notSupported: break
            case .keyNotFound, .unavailable, .timedOut, .contradicted, .overloaded, .outOfMemory, .internalFailure,
                .keyExists, .decryptionFailed, .unsupportedAlgorithm, .hmacNotSupported:
                await self.purge(name)  // Even after an error, the key may have been deleted.
            }
            throw error
        }
        await self.purge(name)
    }

    package func describeKey(_ name: KeyName) async throws(KeyServiceError) -> KeyDescription {
        try await self.learning(of: name) { () throws(KeyServiceError) in try await self.backend.describeKey(name) }
    }

    package func listKeys(_ request: KeyListingRequest) async throws(KeyServiceError) -> KeyListing {
        try await self.backend.listKeys(request)
    }

    package func encrypt(
        _ name: KeyName, plaintext: consuming Secret, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Ciphertext {
        let query = self.beginQuery()
        do throws(KeyServiceError) {
            return try await self.backend.encrypt(name, plaintext: plaintext, associatedData: associatedData)
        } catch {
            await self.remember(from: error, of: name, query)
            throw error
        }
    }

    package func hmac(_ name: KeyName, message: [UInt8]) async throws(KeyServiceError) -> Secret {
        try await self.learning(of: name) { () throws(KeyServiceError) in
            try await self.backend.hmac(name, message: message)
        }
    }

    package func status() async -> BackendStatus { await self.backend.status() }

    package func version() async throws(KeyServiceError) -> String { try await self.backend.version() }

    package func generateKeyImmediately(
        _ name: KeyName, associatedData: AssociatedData
    ) throws(KeyServiceError) -> DataKey? {
        try self.backend.generateKeyImmediately(name, associatedData: associatedData)
    }
}
