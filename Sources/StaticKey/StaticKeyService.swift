// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import KeyService
package import LockedMemory

/// Serves data keys from one key of the object store's environment. Object store and agent can decrypt each other's
/// ciphertexts.
///
/// No operation waits: each completes at once, on any thread. Operations that the object store's own key service lacks
/// throw `.notSupported`.
package final class StaticKeyService: KeyService {
    package let kind = "static key"
    package let defaultKeyName: KeyName
    private let key: WrappingKey

    /// - Parameter key: 32 bytes.
    /// - Throws: `.internalFailure` when OpenSSL lacks one of the ciphers, `.outOfMemory` when there is no locked memory.
    package init(name: KeyName, key: SharedSecret, memory: SecretMemory) throws(KeyServiceError) {
        self.defaultKeyName = name
        self.key = try KeyServiceError.translating { () throws(CryptographyError) in
            try WrappingKey(key, memory: memory)
        }
    }

    // MARK: Data keys

    package func generateKeyImmediately(
        _ name: KeyName,
        associatedData: AssociatedData
    ) throws(KeyServiceError) -> DataKey? {
        try self.makeDataKey(name, associatedData: associatedData)
    }

    package func generateKey(
        _ name: KeyName,
        associatedData: AssociatedData
    ) async throws(KeyServiceError) -> DataKey {
        try self.makeDataKey(name, associatedData: associatedData)
    }

    package func decryptImmediately(
        _ name: KeyName,
        ciphertext: Ciphertext,
        associatedData: AssociatedData
    ) throws(KeyServiceError) -> Decryption? {
        Decryption(try self.open(name, ciphertext: ciphertext, associatedData: associatedData))
    }

    package func decrypt(
        _ name: KeyName,
        ciphertext: Ciphertext,
        associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Decryption {
        Decryption(try self.open(name, ciphertext: ciphertext, associatedData: associatedData))
    }

    private func makeDataKey(
        _ name: KeyName,
        associatedData: AssociatedData
    ) throws(KeyServiceError) -> DataKey {
        guard name == self.defaultKeyName else { throw .keyNotFound }
        return try KeyServiceError.translating { () throws(CryptographyError) in
            try self.key.makeDataKey(associatedData: associatedData)
        }
    }

    private func open(
        _ name: KeyName,
        ciphertext: Ciphertext,
        associatedData: AssociatedData
    ) throws(KeyServiceError) -> Secret {
        guard name == self.defaultKeyName else { throw .keyNotFound }
        return try KeyServiceError.translating { () throws(CryptographyError) in
            try self.key.open(ciphertext, associatedData: associatedData)
        }
    }

    /// The name is ignored: there is one key.
    package func hmac(_ name: KeyName, message: [UInt8]) async throws(KeyServiceError) -> Secret {
        try KeyServiceError.translating { () throws(CryptographyError) in
            try self.key.code(of: message)
        }
    }

    /// - Throws: `.notSupported`, always. The plaintext is wiped.
    package func encrypt(
        _ name: KeyName,
        plaintext: consuming Secret,
        associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Ciphertext {
        throw .notSupported
    }

    // MARK: The key

    /// - Throws: `.keyExists` for the one name, otherwise `.notSupported`.
    package func createKey(_ name: KeyName) async throws(KeyServiceError) {
        throw name == self.defaultKeyName ? .keyExists : .notSupported
    }

    /// - Throws: `.notSupported`, always. The key is wiped.
    package func importKey(
        _ name: KeyName,
        key: consuming Secret,
        algorithm: KeyAlgorithm
    ) async throws(KeyServiceError) {
        throw .notSupported
    }

    /// - Throws: `.notSupported`, always.
    package func describeKey(_ name: KeyName) async throws(KeyServiceError) -> KeyDescription {
        throw .notSupported
    }

    /// - Throws: `.notSupported`, always.
    package func deleteKey(_ name: KeyName) async throws(KeyServiceError) {
        throw .notSupported
    }

    /// Returns the one key, if its name begins with the prefix (`*` matches any) and is not before `continueAt`.
    package func listKeys(_ request: KeyListingRequest) async throws(KeyServiceError) -> KeyListing {
        let name = self.defaultKeyName.description.utf8
        let isListed =
            (request.prefix == "*" || name.starts(with: request.prefix.utf8))
            && name.starts(with: request.continueAt.utf8)
        return KeyListing(names: isListed ? [self.defaultKeyName] : [])
    }

    // MARK: The service

    /// Always reachable, with latency 0.
    package func status() async -> BackendStatus {
        BackendStatus(
            reachability: .reachable(latency: .zero),
            endpoints: [BackendStatus.Endpoint(address: "127.0.0.1", condition: .up(latency: nil))]
        )
    }

    /// Always `v1`.
    package func version() async throws(KeyServiceError) -> String { "v1" }
}

extension KeyServiceError {
    /// Runs `body` and maps its errors to those of a key service.
    fileprivate static func translating<Result: ~Copyable>(
        _ body: () throws(CryptographyError) -> Result
    ) throws(KeyServiceError) -> Result {
        do {
            return try body()
        } catch {
            switch error {
            case .notAuthentic: throw .decryptionFailed
            case .memory(let reason): throw KeyServiceError(reason)
            case .openSSL, .openSSLInUse: throw .internalFailure
            }
        }
    }
}
