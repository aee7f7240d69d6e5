// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// Secrets as arrays, for making and comparing them. Only tests take them out of locked memory.
extension Secret {
    package init(_ bytes: [UInt8], in memory: SecretMemory) throws(LockedMemoryError) {
        try self.init(copying: bytes.span, in: memory)
    }

    package var array: [UInt8] { self.withBytes { bytes in bytes.indices.map { bytes[$0] } } }
}

extension SharedSecret {
    package convenience init(_ bytes: [UInt8], in memory: SecretMemory) throws(LockedMemoryError) {
        self.init(try Secret(bytes, in: memory))
    }

    package var array: [UInt8] { self.value.array }
}
