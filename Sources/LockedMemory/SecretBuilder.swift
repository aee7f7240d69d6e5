// SPDX-License-Identifier: Apache-2.0

/// A secret that arrives in pieces. Each growth leaves nothing behind: the smaller secret is wiped as it ends.
package struct SecretBuilder: ~Copyable, Sendable {
    /// Enough for most. What is allocated is wiped when it is released, used or not.
    private static let firstByteCount = 512

    private let memory: SecretMemory
    private let byteCountMax: Int
    private var secret: Secret
    private var filled = 0

    /// - Parameter byteCountMax: more than that is refused.
    package init(byteCountMax: Int, in memory: SecretMemory) throws(LockedMemoryError) {
        self.memory = memory
        self.byteCountMax = byteCountMax
        self.secret = try Secret(byteCount: min(byteCountMax, Self.firstByteCount), in: memory)
    }

    /// Takes in more bytes.
    ///
    /// - Returns: false, having taken nothing, if that would be more than `byteCountMax`.
    package mutating func append(_ bytes: Span<UInt8>) throws(LockedMemoryError) -> Bool {
        let total = self.filled + bytes.count
        guard total <= self.byteCountMax else { return false }
        if total > self.secret.byteCount {
            var larger = try Secret(
                byteCount: min(self.byteCountMax, max(total, self.secret.byteCount * 2)), in: self.memory)
            let filled = self.filled
            self.secret.withBytes { old in
                larger.withMutableBytes { new in
                    for index in 0..<filled { new[index] = old[index] }
                }
            }
            self.secret = larger
        }
        let start = self.filled
        self.secret.withMutableBytes { target in
            for index in bytes.indices { target[start + index] = bytes[index] }
        }
        self.filled = total
        return true
    }

    /// The whole.
    package consuming func finish() -> Secret {
        self.secret.truncate(to: self.filled)
        return self.secret
    }
}
