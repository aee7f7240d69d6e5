// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Cryptography
import KeyService
import LockedMemory
import StaticKey
import TestSupport

extension KeyName {
    static let own = Self(unchecked: "my-key")
    static let other = Self(unchecked: "other-key")

    init(unchecked name: StaticString) {
        guard let name = Self("\(name)") else { preconditionFailure("the name of a test's key is empty") }
        self = name
    }
}

extension StaticKeyService {
    /// A service with a key of 32 bytes, named `my-key`.
    convenience init(key: [UInt8] = keys.k2, memory: SecretMemory? = nil) throws {
        let memory = try memory ?? SharedMemory.secrets
        try self.init(name: .own, key: try SharedSecret(key, in: memory), memory: memory)
    }

    /// A data key as the event loop gets it.
    func generate(associatedData: [UInt8], name: KeyName = .own) throws(KeyServiceError) -> OpenDataKey? {
        guard let dataKey = try self.generateKeyImmediately(name, associatedData: AssociatedData(associatedData))
        else { return nil }
        return OpenDataKey(dataKey)
    }

    /// A plaintext as the event loop gets it.
    func open(
        _ ciphertext: [UInt8],
        associatedData: [UInt8],
        name: KeyName = .own
    ) throws(KeyServiceError) -> [UInt8]? {
        guard
            let decryption = try self.decryptImmediately(
                name,
                ciphertext: Ciphertext(ciphertext),
                associatedData: AssociatedData(associatedData)
            )
        else { return nil }
        return decryption.plaintext.array
    }
}

/// A data key laid open, for comparing.
struct OpenDataKey {
    let plaintext: [UInt8]
    let ciphertext: [UInt8]

    init(_ dataKey: consuming DataKey) {
        self.ciphertext = dataKey.ciphertext.bytes
        self.plaintext = dataKey.takePlaintext().array
    }
}

/// The keys of the published samples.
let keys = (
    k0: [UInt8](repeating: 0, count: 32),
    k1: bytes(base64: "eEm+JI9/q4JhH8QwKvf3LKo4DEBl6QbfvAl1CAbMIv8="),
    k2: (0..<32).map { UInt8($0) },
    k3: bytes(base64: "dDHbTWgo+Yh3u804SYB5OyVMy6RiLeJYBQth1f6KlEU=")
)

func bytes(base64 text: String) -> [UInt8] {
    do {
        return try Base64.decode(Array(text.utf8).span)
    } catch {
        preconditionFailure("a sample is no base64: \(text)")
    }
}
