// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import LockedMemory
import Synchronization

/// Where OpenSSL keeps what it allocates: keys, key schedules, TLS records, all of it.
package enum OpenSSLMemory {
    /// Has OpenSSL allocate in `memory` from now on: in the agent's own share, but for what ``MemoryShare/whileCurrent(_:)`` says. What it
    /// releases is wiped.
    ///
    /// To be called before anything else in the process uses OpenSSL. Any number of threads may call it any number of
    /// times; the first caller's memory is the one, and stays to the end of the process.
    ///
    /// OpenSSL is also told not to clean up at exit: a process that stops at once may end while its event loops still
    /// decipher, and a clean-up would take the ground from under them. Its memory ends with the process.
    ///
    /// - Throws: `.openSSLInUse` when OpenSSL has allocated before the first call.
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

    /// Written once, under the lock, before OpenSSL learns of the functions that read it. So they need none: OpenSSL
    /// allocates several times in every operation.
    private nonisolated(unsafe) static var memory: SecretMemory?

    // What OpenSSL's own functions do with nothing: no bytes are no block, a null block is allocated or ignored, and a
    // block that is to have no bytes is released.

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
