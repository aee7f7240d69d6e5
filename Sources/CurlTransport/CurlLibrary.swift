// SPDX-License-Identifier: Apache-2.0

import CCurl
import Cryptography
import Glibc
package import LockedMemory
import Synchronization

/// The libcurl that the process runs with.
package enum CurlLibrary {
    /// With the libraries that it uses itself: `libcurl/7.88.1 OpenSSL/3.0.15 …`.
    package static var version: String { unsafe String(cString: curl_version()) }

    /// Has everything that libcurl, nghttp2 and OpenSSL allocate live in the agent's own share of `memory` from now on, wiped when it is
    /// released: requests and answers pass through their buffers.
    ///
    /// Any number of threads may call it any number of times; the first caller's memory is the one, and stays to the
    /// end of the process. Engines and sessions call it themselves.
    package static func install(_ memory: SecretMemory) throws(CurlSetupError) {
        // libcurl initialises OpenSSL, which then takes no other memory.
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
            // What HTTP/2 sends passes through nghttp2's buffers.
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

    /// Written once, under the lock, before libcurl learns of the functions that read it. So they need none.
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
