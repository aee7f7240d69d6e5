// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// What every backend offers and every front asks for: the operations that the key servers share, in terms of keys and
/// never of HTTP, JSON or protobuf.
///
/// Every operation can throw `.notSupported` (the backend has no such operation), `.notAllowed`, `.overloaded`,
/// `.outOfMemory`, `.unavailable`, `.timedOut` and `.internalFailure`. An operation on an existing key can also throw
/// `.keyNotFound`. `Throws` names what an operation adds to these.
///
/// There are two speeds. The async operations are the language of misses, administration and tests. Where a backend has
/// the answer at hand (an embedded key, a cached data key), ``decryptAtOnce(_:ciphertext:associatedData:)`` and
/// ``generateKeyAtOnce(_:associatedData:)`` give it on the caller's thread, which is an event loop: they neither wait
/// nor block.
package protocol KeyService: Sendable {
    /// What kind of backend this is, for status and logs: `static key`, `KES`.
    var kind: String { get }

    /// The key to use where a caller may leave the name out.
    var defaultKeyName: KeyName { get }

    /// Makes a new key.
    ///
    /// - Throws: `.keyExists` if the name is taken, or an error that every operation can throw.
    func createKey(_ name: KeyName) async throws(KeyServiceError)

    /// Stores a key that was made elsewhere.
    func importKey(_ name: KeyName, key: consuming Secret, algorithm: KeyAlgorithm) async throws(KeyServiceError)

    func describeKey(_ name: KeyName) async throws(KeyServiceError) -> KeyDescription

    func listKeys(_ request: KeyListingRequest) async throws(KeyServiceError) -> KeyListing

    func deleteKey(_ name: KeyName) async throws(KeyServiceError)

    /// A new data key, sealed with the key `name` and bound to `associatedData`.
    func generateKey(
        _ name: KeyName, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> DataKey

    /// Seals a plaintext of any length.
    func encrypt(
        _ name: KeyName, plaintext: consuming Secret, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Ciphertext

    /// Opens a ciphertext.
    ///
    /// - Throws: `.decryptionFailed` for damage, another key's ciphertext and other associated data alike.
    func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Decryption

    /// As ``decrypt(_:ciphertext:associatedData:)``, preferably by other endpoints than those named. The last of them is
    /// the least wanted. A backend without endpoints decrypts as usual.
    func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData, avoiding endpoints: [EndpointIndex]
    ) async throws(KeyServiceError) -> Decryption

    /// Counts and logs that an endpoint returned another plaintext than the majority.
    func countWrongPlaintext(by endpoint: EndpointIndex)

    /// HMAC-SHA256 of a message, 32 bytes. Object stores derive credentials from it, hence a secret.
    func hmac(_ name: KeyName, message: [UInt8]) async throws(KeyServiceError) -> Secret

    /// Whether the backend answers, and how fast.
    func status() async -> BackendStatus

    /// Whether nobody can be reached who could answer, as far as is known without asking. A cache may answer longer then.
    var isOutOfReach: Bool { get }

    /// The backend's own version, as it names it.
    func version() async throws(KeyServiceError) -> String

    /// As ``generateKey(_:associatedData:)``, if that needs no waiting; else nil.
    func generateKeyImmediately(
        _ name: KeyName, associatedData: AssociatedData
    ) throws(KeyServiceError) -> DataKey?

    /// As ``decrypt(_:ciphertext:associatedData:)``, if that needs no waiting; else nil.
    func decryptImmediately(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) throws(KeyServiceError) -> Decryption?

    /// As ``decryptAtOnce(_:ciphertext:associatedData:)``, for a request whose bytes were understood before: nil where
    /// they were not, or need to be read.
    func decryptImmediately(_ name: KeyName, requestBody: Span<UInt8>) throws(KeyServiceError) -> Decryption?

    /// What a request's bytes ask for, so that they need not be read the next time. The same bytes must always ask the
    /// same.
    func remember(requestBody: Span<UInt8>, of name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData)
}

extension KeyService {
    /// What is in this process is always in reach.
    package var isOutOfReach: Bool { false }
}

/// Backends without endpoints.
extension KeyService {
    package func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData, avoiding endpoints: [EndpointIndex]
    ) async throws(KeyServiceError) -> Decryption {
        try await self.decrypt(name, ciphertext: ciphertext, associatedData: associatedData)
    }

    package func countWrongPlaintext(by endpoint: EndpointIndex) {}
}

/// The backends that are always elsewhere.
extension KeyService {
    package func generateKeyImmediately(
        _ name: KeyName, associatedData: AssociatedData
    ) throws(KeyServiceError) -> DataKey? { nil }

    package func decryptImmediately(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) throws(KeyServiceError) -> Decryption? { nil }
}

/// The backends that have nothing to remember.
extension KeyService {
    package func decryptImmediately(_ name: KeyName, requestBody: Span<UInt8>) throws(KeyServiceError) -> Decryption? {
        nil
    }

    package func remember(
        requestBody: Span<UInt8>, of name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) {}
}

/// What is known of a backend at a moment.
package struct BackendStatus: Equatable, Sendable {
    package enum Reachability: Equatable, Sendable {
        /// The time that the last question took.
        case reachable(latency: Duration)
        case unreachable
    }

    package struct Endpoint: Equatable, Sendable {
        package enum Condition: Equatable, Sendable {
            /// What an answer takes on average; nil while there was none.
            case up(latency: Duration?)
            /// Since how long, and why, in words for people.
            case down(since: Duration, reason: String)
        }

        package var address: String
        package var condition: Condition
        /// Requests under way to it.
        package var inFlight: Int
        /// How often it returned another plaintext than the majority of three answers.
        package var contradictions: Int

        package var isOnline: Bool {
            switch self.condition {
            case .up: true
            case .down: false
            }
        }

        package init(address: String, condition: Condition, inFlight: Int = 0, contradictions: Int = 0) {
            self.address = address
            self.condition = condition
            self.inFlight = inFlight
            self.contradictions = contradictions
        }
    }

    package var reachability: Reachability
    package var endpoints: [Endpoint]

    package init(reachability: Reachability, endpoints: [Endpoint]) {
        self.reachability = reachability
        self.endpoints = endpoints
    }
}
