// SPDX-License-Identifier: Apache-2.0

import LockedMemory

extension Secret {
    /// The bytes where a test may look at them.
    init(_ bytes: [UInt8], in memory: SecretMemory) throws(LockedMemoryError) {
        try self.init(copying: bytes.span, in: memory)
    }

    borrowing func copy() -> [UInt8] { self.withBytes { bytes in bytes.indices.map { bytes[$0] } } }
}
