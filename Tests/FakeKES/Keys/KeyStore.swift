// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KESProtocol
package import KeyService
import Linux
import LockedMemory
import Synchronization

/// The server's keys. A test may change them while it runs.
package final class KeyStore: Sendable {
    private let keys = Mutex<[KeyName: FakeKey]>([:])
    let memory: SecretMemory

    init(memory: SecretMemory) { self.memory = memory }

    /// Stores a key of the test's own, in place of another.
    ///
    /// - Parameter bytes: 32 bytes; nil: random ones.
    package func put(_ name: KeyName, bytes: [UInt8]? = nil, algorithm: KeyAlgorithm = .aes256) throws {
        let key =
            if let bytes { try Secret(copying: bytes.span, in: self.memory) } else {
                try Randomness.secret(byteCount: 32, in: self.memory)
            }
        let made = try self.make(name, key: key, algorithm: algorithm, createdBy: nil)
        self.keys.withLock { $0[name] = made }
    }

    /// Forgets a key, as somebody else's delete would.
    @discardableResult
    package func remove(_ name: KeyName) -> Bool {
        self.keys.withLock { $0.removeValue(forKey: name) != nil }
    }

    /// In bytewise order.
    package var names: [KeyName] {
        self.keys.withLock { $0.keys.sorted { $0.description.utf8.lexicographicallyPrecedes($1.description.utf8) } }
    }

    // MARK: What requests ask for

    func key(_ name: KeyName) throws(KeyServiceError) -> FakeKey {
        guard let key = self.keys.withLock({ $0[name] }) else { throw .keyNotFound }
        return key
    }

    /// - Throws: `.keyExists`.
    func create(_ name: KeyName, key: consuming Secret, algorithm: KeyAlgorithm, by identity: String)
        throws(KeyServiceError)
    {
        let made: FakeKey
        do throws(CryptographyError) {
            made = try self.make(name, key: key, algorithm: algorithm, createdBy: identity.isEmpty ? nil : identity)
        } catch {
            throw .internalFailure
        }
        let isNew = self.keys.withLock { keys in
            guard keys[name] == nil else { return false }
            keys[name] = made
            return true
        }
        guard isNew else { throw .keyExists }
    }

    private func make(
        _ name: KeyName, key: consuming Secret, algorithm: KeyAlgorithm, createdBy: String?
    ) throws(CryptographyError) -> FakeKey {
        let description = KeyDescription(
            name: name, algorithm: algorithm, createdAt: Self.now, createdBy: createdBy)
        return try FakeKey(description, key: key, memory: self.memory)
    }

    /// As Go writes it, to the nanosecond.
    private static var now: String {
        let now = WallClock.now()
        return "\(now.rfc3339.dropLast(5)).\(String(1_000_000_000 + now.nanoseconds).dropFirst())Z"
    }
}
