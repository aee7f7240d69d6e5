// SPDX-License-Identifier: Apache-2.0

/// A secret that arrives in parts. When it grows, the smaller secret is wiped.
///
/// Allocates nothing before the first part.
package struct SecretBuilder: ~Copyable, Sendable {
    private let memory: SecretMemory
    private let byteCountMax: Int
    private let firstByteCount: Int
    /// Nil before the first part.
    private var secret: Secret?
    private var filled = 0

    /// - Parameters:
    ///   - byteCountMax: maximum length.
    ///   - firstByteCount: initial allocation. A longer secret is moved, and needs both allocations for a moment.
    package init(byteCountMax: Int, firstByteCount: Int = 512, in memory: SecretMemory) {
        self.memory = memory
        self.byteCountMax = byteCountMax
        self.firstByteCount = min(firstByteCount, byteCountMax)
    }

    /// Appends bytes.
    ///
    /// - Returns: false, without effect, if the result would be longer than `byteCountMax`.
    package mutating func append(_ bytes: Span<UInt8>) throws(LockedMemoryError) -> Bool {
        let total = self.filled + bytes.count
        guard total <= self.byteCountMax else { return false }
        if total > self.capacity {
            let wanted = max(total, self.secret == nil ? self.firstByteCount : self.capacity * 2)
            var larger = try Secret(byteCount: min(self.byteCountMax, wanted), in: self.memory)
            if let smaller = self.secret.take() {
                smaller.withBytes { Self.copy($0.extracting(..<self.filled), to: 0, of: &larger) }
            }
            self.secret = consume larger
        }
        if var secret = self.secret.take() {
            Self.copy(bytes, to: self.filled, of: &secret)
            self.secret = consume secret
        }
        self.filled = total
        return true
    }

    private var capacity: Int {
        switch self.secret {
        case .some(let secret): secret.byteCount
        case .none: 0
        }
    }

    private static func copy(_ bytes: Span<UInt8>, to start: Int, of secret: inout Secret) {
        secret.withMutableBytes { target in
            for index in bytes.indices { target[start + index] = bytes[index] }
        }
    }

    /// The complete secret. Allocates only if no bytes were appended.
    package consuming func finish() throws(LockedMemoryError) -> Secret {
        let (memory, filled) = (self.memory, self.filled)
        guard var secret = self.secret.take() else { return try Secret(byteCount: 0, in: memory) }
        secret.truncate(to: filled)
        return secret
    }
}
