// SPDX-License-Identifier: Apache-2.0

import CCurl
import Cryptography
import Glibc
package import LockedMemory
import Synchronization

/// The libcurl that the process uses.
package enum CurlLibrary {
    /// libcurl's version with those of its libraries: `libcurl/7.88.1 OpenSSL/3.0.15 …`.
    package static var version: String { unsafe String(cString: curl_version()) }

    /// Makes libcurl, nghttp2 and OpenSSL allocate in the agent's share of `memory`, wiped on release, because requests
    /// and answers pass through their buffers.
    ///
    /// Thread-safe, and can be called repeatedly: the memory of the first call stays in use until the process exits.
    /// Engines and sessions call it themselves.
    package static func install(_ memory: SecretMemory) throws(CurlSetupError) {
        // libcurl initialises OpenSSL; after that, OpenSSL's allocator cannot be changed.
        do {
            try OpenSSLMemory.install(memory)
        } catch {
            throw .openSSLInUse
        }
        let isInstalled = Self.isInstalled.withLock { isInstalled in
            if let isInstalled { return isInstalled }
            unsafe Self.memory = memory
            let code = unsafe curl_global_init_mem(
                Int(CURL_GLOBAL_DEFAULT),
                { byteCount in unsafe CurlLibrary.allocate(byteCount) },
                { block in unsafe CurlLibrary.release(block) },
                { block, byteCount in unsafe CurlLibrary.reallocate(block, byteCount) },
                { text in unsafe CurlLibrary.duplicate(text) },
                { count, byteCount in unsafe CurlLibrary.allocateZeroed(count, byteCount) }
            )
            // HTTP/2 output passes through nghttp2's buffers.
            unsafe keyside_http2_allocate_with(
                { byteCount, _ in unsafe CurlLibrary.allocate(byteCount) },
                { block, _ in unsafe CurlLibrary.release(block) },
                { count, byteCount, _ in unsafe CurlLibrary.allocateZeroed(count, byteCount) },
                { block, byteCount, _ in unsafe CurlLibrary.reallocate(block, byteCount) }
            )
            isInstalled = code == CURLE_OK
            return code == CURLE_OK
        }
        guard isInstalled else { throw .libraryNotReady }
    }

    /// Nil until the first call.
    private static let isInstalled = Mutex<Bool?>(nil)

    /// Written once, under the lock, before libcurl gets the functions that read it. So reads need no lock.
    private nonisolated(unsafe) static var memory: SecretMemory?

    /// Blocks that libcurl and nghttp2 were refused so far, on all threads. OpenSSL's are not among them.
    static var refusalCount: Int { Self.refusals.load(ordering: .relaxed) }

    private static let refusals = Atomic(0)

    private static func counted(_ block: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        if unsafe block == nil { Self.refusals.add(1, ordering: .relaxed) }
        return unsafe block
    }

    // malloc(3) and its kind. No bytes are a block too, since libcurl takes a null pointer for a lack of memory.

    private static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        unsafe Self.counted(Self.memory?.allocate(byteCount, from: .own))
    }

    private static func allocateZeroed(_ count: Int, _ byteCount: Int) -> UnsafeMutableRawPointer? {
        let (total, isTooMuch) = count.multipliedReportingOverflow(by: byteCount)
        return isTooMuch ? nil : unsafe Self.allocate(total)  // Blocks are all zero.
    }

    private static func reallocate(
        _ block: UnsafeMutableRawPointer?, _ byteCount: Int
    ) -> UnsafeMutableRawPointer? {
        guard let block = unsafe block else { return unsafe Self.allocate(byteCount) }
        return unsafe Self.counted(Self.memory?.reallocate(block, byteCount, from: .own))
    }

    private static func duplicate(_ text: UnsafePointer<CChar>?) -> UnsafeMutablePointer<CChar>? {
        guard let text = unsafe text else { return nil }
        let byteCount = unsafe strlen(text) + 1
        guard let copy = unsafe Self.allocate(byteCount) else { return nil }
        unsafe copy.copyMemory(from: text, byteCount: byteCount)
        return unsafe copy.assumingMemoryBound(to: CChar.self)
    }

    private static func release(_ block: UnsafeMutableRawPointer?) {
        guard let block = unsafe block else { return }
        unsafe Self.memory?.release(block)
    }
}
