// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// The operations of every backend, in terms of keys, not of HTTP, JSON or protobuf. Fronts call them.
///
/// Every operation can throw `.notSupported` (the backend has no such operation), `.notAllowed`, `.overloaded`,
/// `.outOfMemory`, `.unavailable`, `.timedOut` and `.internalFailure`. An operation on an existing key can also throw
/// `.keyNotFound`. `Throws` names what an operation adds to these.
///
/// The async operations serve misses, administration and tests. ``decryptImmediately(_:ciphertext:associatedData:)``
/// and ``generateKeyImmediately(_:associatedData:)`` serve answers that need no waiting (a static key, a cached data
/// key): they run on the caller's thread, an event loop, and neither suspend nor block.
package protocol KeyService: Sendable {
    /// The kind of backend, for status and logs: `static key`, `KES`.
    var kind: String { get }

    /// The key of requests that do not name one.
    var defaultKeyName: KeyName { get }

    /// Creates a key.
    ///
    /// - Throws: `.keyExists` if the name is taken, or an error that every operation can throw.
    func createKey(_ name: KeyName) async throws(KeyServiceError)

    /// Stores an existing key.
    ///
    /// - Throws: `.keyExists`, or `.unsupportedAlgorithm` if the key has the wrong length or cipher.
    func importKey(_ name: KeyName, key: consuming Secret, algorithm: KeyAlgorithm) async throws(KeyServiceError)

    func describeKey(_ name: KeyName) async throws(KeyServiceError) -> KeyDescription

    func listKeys(_ request: KeyListingRequest) async throws(KeyServiceError) -> KeyListing

    func deleteKey(_ name: KeyName) async throws(KeyServiceError)

    /// Generates a data key, encrypted with the key `name` and bound to `associatedData`.
    func generateKey(
        _ name: KeyName, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> DataKey

    /// Encrypts a plaintext of any length.
    func encrypt(
        _ name: KeyName, plaintext: consuming Secret, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Ciphertext

    /// Decrypts a ciphertext.
    ///
    /// - Throws: `.decryptionFailed` if the ciphertext is damaged, or was encrypted with another key or other
    ///   associated data; `.contradicted` if key servers return different plaintexts.
    func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Decryption

    /// As ``decrypt(_:ciphertext:associatedData:)``, but prefers endpoints that are not in `endpoints`. If all are, it
    /// avoids the last one most. A backend without endpoints ignores the list.
    func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData, avoiding endpoints: [EndpointIndex]
    ) async throws(KeyServiceError) -> Decryption

    /// Counts and logs that an endpoint returned a plaintext that the majority contradicts.
    func countWrongPlaintext(by endpoint: EndpointIndex)

    /// HMAC-SHA-256 of a message, 32 bytes. A secret, because object stores derive credentials from it.
    ///
    /// - Throws: `.hmacNotSupported` if the key cannot authenticate messages.
    func hmac(_ name: KeyName, message: [UInt8]) async throws(KeyServiceError) -> Secret

    /// Whether the backend answers, and its latency.
    func status() async -> BackendStatus

    /// Whether no key server can be reached, as far as is known without asking. While true, a cache may serve expired
    /// answers.
    var isOutOfReach: Bool { get }

    /// The backend's version, in its own format.
    func version() async throws(KeyServiceError) -> String

    /// As ``generateKey(_:associatedData:)`` if that needs no waiting; otherwise nil.
    func generateKeyImmediately(
        _ name: KeyName, associatedData: AssociatedData
    ) throws(KeyServiceError) -> DataKey?

    /// As ``decrypt(_:ciphertext:associatedData:)`` if that needs no waiting; otherwise nil.
    func decryptImmediately(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) throws(KeyServiceError) -> Decryption?

    /// As ``decryptImmediately(_:ciphertext:associatedData:)``, for a request body that was decoded before. Nil if this
    /// body is not known, or the answer needs waiting.
    func decryptImmediately(_ name: KeyName, requestBody: Span<UInt8>) throws(KeyServiceError) -> Decryption?

    /// Remembers what a request body asks for, so that an identical body need not be decoded. Identical bodies must
    /// always have the same meaning.
    func remember(requestBody: Span<UInt8>, of name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData)
}

extension KeyService {
    /// A backend within the process can always be reached.
    package var isOutOfReach: Bool { false }
}

/// Defaults for backends without endpoints.
extension KeyService {
    package func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData, avoiding endpoints: [EndpointIndex]
    ) async throws(KeyServiceError) -> Decryption {
        try await self.decrypt(name, ciphertext: ciphertext, associatedData: associatedData)
    }

    package func countWrongPlaintext(by endpoint: EndpointIndex) {}
}

/// Defaults for backends that always need waiting.
extension KeyService {
    package func generateKeyImmediately(
        _ name: KeyName, associatedData: AssociatedData
    ) throws(KeyServiceError) -> DataKey? { nil }

    package func decryptImmediately(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) throws(KeyServiceError) -> Decryption? { nil }
}

/// Defaults for backends that keep no request bodies.
extension KeyService {
    package func decryptImmediately(_ name: KeyName, requestBody: Span<UInt8>) throws(KeyServiceError) -> Decryption? {
        nil
    }

    package func remember(
        requestBody: Span<UInt8>, of name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) {}
}

/// The state of a backend at one moment.
package struct BackendStatus: Equatable, Sendable {
    /// Whether the backend answers.
    package enum Reachability: Equatable, Sendable {
        /// `latency` is the duration of the last request.
        case reachable(latency: Duration)
        case unreachable
    }

    /// The state of one key server.
    package struct Endpoint: Equatable, Sendable {
        /// Whether requests are sent to the endpoint.
        package enum Condition: Equatable, Sendable {
            /// `latency` is the average latency; nil before the first answer.
            case up(latency: Duration?)
            /// `since` is the duration of the outage, `reason` a text for people.
            case down(since: Duration, reason: String)
        }

        /// As configured: `https://kes-1:7373`.
        package var address: String
        package var condition: Condition
        /// Requests in flight to this endpoint.
        package var inFlight: Int
        /// How often the endpoint returned a plaintext that the majority of three answers contradicts.
        package var contradictions: Int

        /// Whether ``condition-swift.property`` is `up`.
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

    /// Of the backend as a whole: at least one endpoint answers.
    package var reachability: Reachability
    /// In the configured order; empty for a backend without endpoints.
    package var endpoints: [Endpoint]

    package init(reachability: Reachability, endpoints: [Endpoint]) {
        self.reachability = reachability
        self.endpoints = endpoints
    }
}
