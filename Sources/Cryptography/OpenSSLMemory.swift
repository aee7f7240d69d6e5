// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import LockedMemory
import Synchronization

/// OpenSSL's allocator: the memory for keys, key schedules and TLS records.
package enum OpenSSLMemory {
    /// Makes OpenSSL allocate in `memory`: in the agent's own share, unless ``MemoryShare/whileCurrent(_:)`` selects
    /// another one. Released memory is wiped.
    ///
    /// Call before any other use of OpenSSL in the process. Thread-safe, and can be called repeatedly: the memory of
    /// the first call stays in use until the process exits.
    ///
    /// Also disables OpenSSL's clean-up at exit: a process that stops at once may exit while its event loops still use
    /// OpenSSL.
    ///
    /// - Throws: `.openSSLInUse` if OpenSSL has allocated before the first call.
    package static func install(_ memory: SecretMemory) throws(CryptographyError) {
        let isInstalled = Self.isInstalled.withLock { isInstalled in
            if let isInstalled { return isInstalled }
            unsafe Self.memory = memory
            let isAccepted = unsafe CRYPTO_set_mem_functions(
                { byteCount, _, _ in unsafe OpenSSLMemory.allocate(byteCount) },
                { block, byteCount, _, _ in unsafe OpenSSLMemory.reallocate(block, byteCount) },
                { block, _, _ in unsafe OpenSSLMemory.release(block) }
            )
            if isAccepted == 1 { OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) }
            isInstalled = isAccepted == 1
            return isAccepted == 1
        }
        guard isInstalled else { throw .openSSLInUse }
    }

    /// Nil until the first call.
    private static let isInstalled = Mutex<Bool?>(nil)

    /// Written once, under the lock, before OpenSSL gets the functions that read it. So reads need no lock, which
    /// matters: OpenSSL allocates several times in every operation.
    private nonisolated(unsafe) static var memory: SecretMemory?

    // As OpenSSL's default functions: zero bytes allocate nothing, reallocating null allocates, freeing null does
    // nothing, and reallocating to zero bytes frees.

    private static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard byteCount > 0 else { return nil }
        return unsafe Self.memory?.allocate(byteCount, from: .current)
    }

    private static func reallocate(
        _ block: UnsafeMutableRawPointer?,
        _ byteCount: Int
    ) -> UnsafeMutableRawPointer? {
        guard let block = unsafe block else { return unsafe Self.allocate(byteCount) }
        guard byteCount > 0 else {
            unsafe Self.release(block)
            return nil
        }
        return unsafe Self.memory?.reallocate(block, byteCount, from: .current)
    }

    private static func release(_ block: UnsafeMutableRawPointer?) {
        guard let block = unsafe block else { return }
        unsafe Self.memory?.release(block)
    }
}
