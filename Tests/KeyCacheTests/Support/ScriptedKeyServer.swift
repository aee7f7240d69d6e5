// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory
import Synchronization

/// A key server in the test's hands, with toy cryptography: a ciphertext opens under the key that sealed it, of that name
/// and in that life of it, and with its associated data alone.
final class ScriptedKeyServer: KeyService {
    let kind = "scripted"
    let defaultKeyName = KeyName.named("a")

    private let memory: SecretMemory
    private let state: Mutex<State>

    private struct State {
        var lives: [KeyName: UInt8]
        var lastLife: UInt8 = 0
        var failure: KeyServiceError?
        var isOutOfReach = false
        var isHeld = false
        var held: [CheckedContinuation<Void, Never>] = []
        var decryptCount = 0
        var generateCount = 0
        var plaintextByteCount = DataKey.byteCount
        /// What the next decrypts return, first to last; then the truth.
        var plaintexts: [[UInt8]] = []
        var nextDataKey: (plaintext: [UInt8], ciphertext: Ciphertext)?
        var failureToCome: (count: Int, error: KeyServiceError, isOutOfReach: Bool)?
        var avoided: [[EndpointIndex]] = []
        var contradictions: [EndpointIndex] = []
    }

    init(keys: [String] = ["a", "b"], memory: SecretMemory) {
        self.memory = memory
        self.state = Mutex(State(lives: Dictionary(uniqueKeysWithValues: keys.map { (.named($0), 0) })))
    }

    // MARK: The test's hands

    /// From now on every operation fails so; with nil none does.
    func fail(with error: KeyServiceError?, isOutOfReach: Bool = false) {
        self.state.withLock { state in
            state.failure = error
            state.isOutOfReach = isOutOfReach
        }
    }

    /// The same, after so many more decrypts.
    func fail(afterAnswers count: Int, with error: KeyServiceError, isOutOfReach: Bool) {
        self.state.withLock { $0.failureToCome = (count, error, isOutOfReach) }
    }

    /// From now on nothing is answered before ``release()``.
    func hold() { self.state.withLock { $0.isHeld = true } }

    var heldCount: Int { self.state.withLock { $0.held.count } }

    func release() {
        let held = self.state.withLock { state in
            defer { state.held = [] }
            state.isHeld = false
            return state.held
        }
        for continuation in held { continuation.resume() }
    }

    func makeDataKeys(of byteCount: Int) { self.state.withLock { $0.plaintextByteCount = byteCount } }

    /// Without a word to anybody.
    func removeKey(_ name: KeyName) { self.state.withLock { $0.lives[name] = nil } }

    /// The next decrypts return these plaintexts, each by another endpoint: 1, 2, 3, …
    func answer(with plaintexts: [UInt8]...) { self.state.withLock { $0.plaintexts = plaintexts } }

    /// The next data key.
    func generate(_ plaintext: [UInt8], in ciphertext: Ciphertext) {
        self.state.withLock { $0.nextDataKey = (plaintext, ciphertext) }
    }

    /// Which endpoints were to be avoided, by request.
    var avoidedEndpoints: [[EndpointIndex]] { self.state.withLock { $0.avoided } }

    /// Which endpoints were found to contradict others.
    var contradictions: [EndpointIndex] { self.state.withLock { $0.contradictions } }

    var decryptCount: Int { self.state.withLock { $0.decryptCount } }

    /// As the key seals it that there is now.
    func seal(_ plaintext: [UInt8], _ name: KeyName, _ data: AssociatedData = AssociatedData()) -> Ciphertext {
        Ciphertext(Self.header(name, self.state.withLock { $0.lives[name] ?? 0 }, data) + plaintext.map { $0 ^ 0x5a })
    }

    // MARK: KeyService

    var isOutOfReach: Bool { self.state.withLock { $0.isOutOfReach } }

    func createKey(_ name: KeyName) async throws(KeyServiceError) {
        try await self.begin()
        let isNew = self.state.withLock { state in
            guard state.lives[name] == nil else { return false }
            state.lastLife &+= 1
            state.lives[name] = state.lastLife
            return true
        }
        if !isNew { throw .keyExists }
    }

    func importKey(_ name: KeyName, key: consuming Secret, algorithm: KeyAlgorithm) async throws(KeyServiceError) {
        try await self.createKey(name)
    }

    func describeKey(_ name: KeyName) async throws(KeyServiceError) -> KeyDescription {
        try await self.begin()
        _ = try self.life(of: name)
        return KeyDescription(name: name, algorithm: .aes256, createdAt: "2026-01-02T03:04:05Z", createdBy: nil)
    }

    func listKeys(_ request: KeyListingRequest) async throws(KeyServiceError) -> KeyListing {
        try await self.begin()
        return KeyListing(names: [])
    }

    func deleteKey(_ name: KeyName) async throws(KeyServiceError) {
        try await self.begin()
        guard self.state.withLock({ $0.lives.removeValue(forKey: name) }) != nil else { throw .keyNotFound }
    }

    func generateKey(_ name: KeyName, associatedData: AssociatedData) async throws(KeyServiceError) -> DataKey {
        try await self.begin()
        _ = try self.life(of: name)
        if let next = self.state.withLock({ $0.nextDataKey.take() }) {
            return DataKey(
                plaintext: try self.secret(next.plaintext), ciphertext: next.ciphertext, endpoint: EndpointIndex(7))
        }
        let plaintext = self.state.withLock { state in
            state.generateCount += 1
            let number = state.generateCount
            return (0..<state.plaintextByteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number >> ($0 % 3 * 8)) }
        }
        return DataKey(plaintext: try self.secret(plaintext), ciphertext: self.seal(plaintext, name, associatedData))
    }

    func encrypt(
        _ name: KeyName, plaintext: consuming Secret, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Ciphertext {
        let bytes = plaintext.array
        try await self.begin()
        _ = try self.life(of: name)
        return self.seal(bytes, name, associatedData)
    }

    func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Decryption {
        self.state.withLock { $0.decryptCount += 1 }
        try await self.begin()
        let header = Self.header(name, try self.life(of: name), associatedData)
        guard ciphertext.bytes.starts(with: header) else { throw .decryptionFailed }
        let (scripted, number) = self.state.withLock { state in
            (state.plaintexts.isEmpty ? nil : state.plaintexts.removeFirst(), state.decryptCount)
        }
        self.state.withLock { state in
            guard let (count, error, isOutOfReach) = state.failureToCome else { return }
            state.failureToCome = (count - 1, error, isOutOfReach)
            if count == 1 { (state.failure, state.isOutOfReach) = (error, isOutOfReach) }
        }
        let plaintext = scripted ?? ciphertext.bytes.dropFirst(header.count).map { $0 ^ 0x5a }
        return Decryption(try self.secret(plaintext), endpoint: EndpointIndex(UInt16(number)))
    }

    func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData, avoiding endpoints: [EndpointIndex]
    ) async throws(KeyServiceError) -> Decryption {
        self.state.withLock { $0.avoided.append(endpoints) }
        return try await self.decrypt(name, ciphertext: ciphertext, associatedData: associatedData)
    }

    func countWrongPlaintext(by endpoint: EndpointIndex) { self.state.withLock { $0.contradictions.append(endpoint) } }

    func hmac(_ name: KeyName, message: [UInt8]) async throws(KeyServiceError) -> Secret {
        try await self.begin()
        return try self.secret(message)
    }

    func status() async -> BackendStatus {
        BackendStatus(reachability: self.isOutOfReach ? .unreachable : .reachable(latency: .zero), endpoints: [])
    }

    func version() async throws(KeyServiceError) -> String { "1" }

    // MARK: The rules

    private func begin() async throws(KeyServiceError) {
        await withCheckedContinuation { continuation in
            let isHeld = self.state.withLock { state in
                if state.isHeld { state.held.append(continuation) }
                return state.isHeld
            }
            if !isHeld { continuation.resume() }
        }
        if let failure = self.state.withLock({ $0.failure }) { throw failure }
    }

    private func life(of name: KeyName) throws(KeyServiceError) -> UInt8 {
        guard let life = self.state.withLock({ $0.lives[name] }) else { throw .keyNotFound }
        return life
    }

    private static func header(_ name: KeyName, _ life: UInt8, _ data: AssociatedData) -> [UInt8] {
        let name = Array(name.description.utf8)
        return [life, UInt8(name.count)] + name + [UInt8(data.bytes.count)] + data.bytes
    }

    private func secret(_ bytes: [UInt8]) throws(KeyServiceError) -> Secret {
        do throws(LockedMemoryError) {
            return try Secret(copying: bytes.span, in: self.memory)
        } catch {
            throw KeyServiceError(error)
        }
    }
}

extension Secret {
    var array: [UInt8] { self.withBytes { bytes in bytes.indices.map { bytes[$0] } } }
}
