// SPDX-License-Identifier: Apache-2.0

import CNghttp2
import LockedMemory

/// The malloc(3) family for nghttp2: ordinary memory, wiped on release. nghttp2 sees the heads of requests, but no
/// bodies and no answers, so HTTP/2 needs no locked memory.
enum HTTP2Memory {
    /// The functions keep an unowned reference to `memory`, which must outlive the session.
    @unsafe static func functions(for memory: SecretMemory) -> nghttp2_mem {
        unsafe nghttp2_mem(
            mem_user_data: Unmanaged.passUnretained(memory).toOpaque(),
            malloc: { byteCount, memory in unsafe HTTP2Memory.at(memory)?.allocateOrdinary(byteCount) },
            free: { block, memory in
                guard let block = unsafe block else { return }
                unsafe HTTP2Memory.at(memory)?.release(block)
            },
            calloc: { count, byteCount, memory in
                let (total, isTooMuch) = count.multipliedReportingOverflow(by: byteCount)
                return isTooMuch ? nil : unsafe HTTP2Memory.at(memory)?.allocateOrdinary(total)
            },
            realloc: { block, byteCount, memory in
                guard let block = unsafe block else {
                    return unsafe HTTP2Memory.at(memory)?.allocateOrdinary(byteCount)
                }
                return unsafe HTTP2Memory.at(memory)?.reallocate(block, byteCount, from: nil)
            })
    }

    private static func at(_ memory: UnsafeMutableRawPointer?) -> SecretMemory? {
        unsafe memory.map { unsafe Unmanaged<SecretMemory>.fromOpaque($0).takeUnretainedValue() }
    }
}
