// SPDX-License-Identifier: Apache-2.0

package import KeyService
package import LockedMemory
import Synchronization

/// A key server in the test's hands. It keeps the rules of a real one (keys exist or not, a ciphertext opens under its
/// key and context alone), with toy cryptography, and answers at once, later, when told to, with a failure, or never.
///
/// The journal has every call by its name, `decrypt at once` and `generate at once` for those on the event loop.
package final class ScriptedKeyService: KeyService {
    package enum Speed: CaseIterable {
        case atOnce, later
    }

    package let kind = "scripted"
    package let defaultKeyName: KeyName
    package let journal = Journal()

    private let memory: SecretMemory
    private let speed: Speed
    private let state = Mutex(State())

    private struct State {
        var keys: [KeyName: KeyAlgorithm] = [:]
        var generatedCount: UInt8 = 0
        var failure: KeyServiceError?
        var isHeld = false
        var isReachable = true
    }

    package init(_ speed: Speed, keys: [String] = ["my-key"], memory: SecretMemory) throws {
        self.speed = speed
        self.memory = memory
        self.defaultKeyName = try Self.name("my-key")
        for key in keys {
            let name = try Self.name(key)
            self.state.withLock { $0.keys[name] = .aes256 }
        }
    }

    private static func name(_ text: String) throws -> KeyName {
        guard let name = KeyName(text) else { throw KeyServiceError.keyNotFound }
        return name
    }

    // MARK: The test's hands

    /// From now on every operation fails so; with nil none does.
    package func fail(with error: KeyServiceError?) { self.state.withLock { $0.failure = error } }

    /// From now on nothing is answered before ``release()``.
    package func hold() { self.state.withLock { $0.isHeld = true } }

    /// Lets everything be answered, now and later.
    package func release() {
        self.state.withLock { $0.isHeld = false }
        self.journal.note("release")
    }

    /// From now on nobody reaches the service.
    package func disconnect() {
        self.state.withLock { state in
            state.isReachable = false
            state.failure = .unavailable
        }
    }

    // MARK: KeyService

    package func createKey(_ name: KeyName) async throws(KeyServiceError) {
        try await self.begin("create")
        try self.add(name, .aes256)
    }

    package func importKey(_ name: KeyName, key: consuming Secret, algorithm: KeyAlgorithm)
        async throws(KeyServiceError)
    {
        let byteCount = key.byteCount
        try await self.begin("import")
        guard byteCount == 32 else { throw .unsupportedAlgorithm }
        try self.add(name, algorithm)
    }

    package func describeKey(_ name: KeyName) async throws(KeyServiceError) -> KeyDescription {
        try await self.begin("describe")
        return KeyDescription(
            name: name, algorithm: try self.algorithm(of: name), createdAt: "2026-01-02T03:04:05Z",
            createdBy: "somebody")
    }

    package func listKeys(_ request: KeyListingRequest) async throws(KeyServiceError) -> KeyListing {
        try await self.begin("list")
        let names = self.state.withLock { $0.keys.keys.filter { $0.description.hasPrefix(request.prefix) } }
        return KeyListing(names: names.sorted { $0.description < $1.description })
    }

    package func deleteKey(_ name: KeyName) async throws(KeyServiceError) {
        try await self.begin("delete")
        guard self.state.withLock({ $0.keys.removeValue(forKey: name) }) != nil else { throw .keyNotFound }
    }

    package func generateKey(_ name: KeyName, associatedData: AssociatedData) async throws(KeyServiceError) -> DataKey {
        try await self.begin("generate")
        return try self.makeDataKey(name, associatedData, endpoint: EndpointIndex(2))
    }

    package func encrypt(
        _ name: KeyName, plaintext: consuming Secret, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Ciphertext {
        let bytes = plaintext.withBytes { bytes in bytes.indices.map { bytes[$0] } }
        try await self.begin("encrypt")
        _ = try self.algorithm(of: name)
        return Self.seal(bytes, name, associatedData)
    }

    package func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Decryption {
        try await self.begin("decrypt")
        return Decryption(try self.open(name, ciphertext, associatedData))
    }

    package func hmac(_ name: KeyName, message: [UInt8]) async throws(KeyServiceError) -> Secret {
        try await self.begin("hmac")
        _ = try self.algorithm(of: name)
        let sum = message.reduce(UInt8(name.description.utf8.count), &+)
        return try self.secret([UInt8](repeating: sum, count: 32))
    }

    package func status() async -> BackendStatus {
        self.journal.note("status")
        await self.waitWhileHeld()
        let isReachable = self.state.withLock { $0.isReachable }
        return BackendStatus(
            reachability: isReachable ? .reachable(latency: .milliseconds(7)) : .unreachable,
            endpoints: [
                .init(
                    address: "https://kes-1:7373",
                    condition: isReachable ? .up(latency: nil) : .down(since: .seconds(90), reason: "no connection"))
            ])
    }

    package func version() async throws(KeyServiceError) -> String {
        try await self.begin("version")
        return "1"
    }

    package func generateKeyImmediately(_ name: KeyName, associatedData: AssociatedData) throws(KeyServiceError)
        -> DataKey?
    {
        guard self.speed == .atOnce else { return nil }
        self.journal.note("generate at once")
        if let failure = self.state.withLock({ $0.failure }) { throw failure }
        return try self.makeDataKey(name, associatedData)
    }

    package func decryptImmediately(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) throws(KeyServiceError) -> Decryption? {
        guard self.speed == .atOnce else { return nil }
        self.journal.note("decrypt at once")
        if let failure = self.state.withLock({ $0.failure }) { throw failure }
        return Decryption(try self.open(name, ciphertext, associatedData))
    }

    // MARK: The rules

    private func begin(_ operation: String) async throws(KeyServiceError) {
        self.journal.note(operation)
        await self.waitWhileHeld()
        if let failure = self.state.withLock({ $0.failure }) { throw failure }
    }

    private func waitWhileHeld() async {
        guard self.state.withLock({ $0.isHeld }) else { return }
        await self.journal.wait(for: "release")
    }

    private func add(_ name: KeyName, _ algorithm: KeyAlgorithm) throws(KeyServiceError) {
        let wasThere = self.state.withLock { state in
            guard state.keys[name] == nil else { return true }
            state.keys[name] = algorithm
            return false
        }
        if wasThere { throw .keyExists }
    }

    private func algorithm(of name: KeyName) throws(KeyServiceError) -> KeyAlgorithm {
        guard let algorithm = self.state.withLock({ $0.keys[name] }) else { throw .keyNotFound }
        return algorithm
    }

    private func makeDataKey(
        _ name: KeyName, _ associatedData: AssociatedData, endpoint: EndpointIndex? = nil
    ) throws(KeyServiceError) -> DataKey {
        _ = try self.algorithm(of: name)
        let number = self.state.withLock { state in
            state.generatedCount &+= 1
            return state.generatedCount
        }
        let plaintext = (0..<UInt8(DataKey.byteCount)).map { $0 &+ number }
        return DataKey(
            plaintext: try self.secret(plaintext), ciphertext: Self.seal(plaintext, name, associatedData),
            endpoint: endpoint)
    }

    private static func seal(_ plaintext: [UInt8], _ name: KeyName, _ data: AssociatedData) -> Ciphertext {
        Ciphertext(Self.header(name, data) + plaintext.map { $0 ^ 0x5a })
    }

    private func open(
        _ name: KeyName, _ ciphertext: Ciphertext, _ data: AssociatedData
    ) throws(KeyServiceError) -> Secret {
        _ = try self.algorithm(of: name)
        let header = Self.header(name, data)
        guard ciphertext.bytes.starts(with: header) else { throw .decryptionFailed }
        return try self.secret(ciphertext.bytes.dropFirst(header.count).map { $0 ^ 0x5a })
    }

    private static func header(_ name: KeyName, _ data: AssociatedData) -> [UInt8] {
        let name = Array(name.description.utf8)
        return [UInt8(name.count)] + name + [UInt8(data.bytes.count)] + data.bytes
    }

    private func secret(_ bytes: [UInt8]) throws(KeyServiceError) -> Secret {
        do throws(LockedMemoryError) {
            return try Secret(copying: bytes.span, in: self.memory)
        } catch {
            throw KeyServiceError(error)
        }
    }
}
