// SPDX-License-Identifier: Apache-2.0

import CNghttp2
import LockedMemory

/// malloc(3) and its kind for nghttp2, in ordinary memory that is wiped on release: nghttp2 sees heads of requests, and
/// neither bodies nor answers. So HTTP/2 takes no locked memory from TLS.
///
/// After a refused allocation, nghttp2 1.52 can keep a pointer to a frame that it has released, and releases it again
/// with the session. So a session that was once refused memory gets none any more, and what it releases stays until
/// ``deinit``.
///
/// One for each session, used by one thread at a time.
@safe final class HTTP2Memory {
    /// Whether an allocation was refused. The session is then of no use any more.
    @safe @exclusivity(unchecked) private(set) var wasRefused = false
    private let memory: SecretMemory
    /// What was released since.
    private var released: Set<UnsafeMutableRawPointer> = unsafe []

    init(_ memory: SecretMemory) { self.memory = memory }

    deinit { unsafe self.released.forEach { unsafe self.memory.release($0) } }

    /// The functions keep no reference to this object: it must outlive the session.
    var functions: nghttp2_mem {
        unsafe nghttp2_mem(
            mem_user_data: Unmanaged.passUnretained(self).toOpaque(),
            malloc: { byteCount, memory in unsafe HTTP2Memory.at(memory)?.allocate(byteCount) },
            free: { block, memory in unsafe HTTP2Memory.at(memory)?.release(block) },
            calloc: { count, byteCount, memory in
                let (total, isTooMuch) = count.multipliedReportingOverflow(by: byteCount)
                return unsafe HTTP2Memory.at(memory)?.allocate(isTooMuch ? .max : total)
            },
            realloc: { block, byteCount, memory in unsafe HTTP2Memory.at(memory)?.reallocate(block, byteCount) })
    }

    private func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard !self.wasRefused else { return nil }
        let block = unsafe self.memory.allocateOrdinary(byteCount)
        if unsafe block == nil { self.wasRefused = true }
        return unsafe block
    }

    private func reallocate(_ block: UnsafeMutableRawPointer?, _ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard let block = unsafe block else { return unsafe self.allocate(byteCount) }
        guard !self.wasRefused else { return nil }
        let moved = unsafe self.memory.reallocate(block, byteCount, from: nil)
        if unsafe moved == nil { self.wasRefused = true }
        return unsafe moved
    }

    private func release(_ block: UnsafeMutableRawPointer?) {
        guard let block = unsafe block else { return }
        if self.wasRefused {
            unsafe self.released.insert(block)
        } else {
            unsafe self.memory.release(block)
        }
    }

    private static func at(_ memory: UnsafeMutableRawPointer?) -> HTTP2Memory? {
        unsafe memory.map { unsafe Unmanaged<HTTP2Memory>.fromOpaque($0).takeUnretainedValue() }
    }
}
