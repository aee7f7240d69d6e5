// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// How a region is kept out of swap and core dumps, from best to worst.
package enum LockedMemoryKind: String, Sendable, Comparable {
    /// memfd_secret(2): locked, and out of the kernel's own map, so that not even root's debugger reads it.
    case memfdSecret = "memfd_secret"
    /// Anonymous memory under mlock2(2).
    case mlock = "mlock2"
    /// Ordinary memory. Only where the operator has said `memory.allow_unlocked: true`.
    case unlocked = "unlocked"

    package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

    /// 0 is the best.
    private var rank: Int {
        switch self {
        case .memfdSecret: 0
        case .mlock: 1
        case .unlocked: 2
        }
    }
}

/// Why there is no locked memory for a secret.
package enum LockedMemoryError: Error, Equatable, Sendable {
    /// The kernel refused to lock `byteCount` bytes. `limit` is `RLIMIT_MEMLOCK` in bytes, nil if unlimited; `code` is
    /// the `errno` of mlock2(2).
    case cannotLock(byteCount: Int, limit: Int?, code: Int32)
    /// Everything that was set aside is in use. Passes when secrets in use end.
    case exhausted
}

/// One mapping of locked memory with an inaccessible guard page on either side, unmapped when released.
///
/// Layout: `[guard page][byteCount bytes, whole pages][guard page]`. Excluded from core dumps, absent in a forked child.
/// The bytes are zero at first. Who writes where is the owner's business: a region itself has no lock.
@safe struct LockedRegion: ~Copyable {
    let kind: LockedMemoryKind
    /// The usable bytes, without the guard pages.
    let bytes: UnsafeMutableRawBufferPointer

    private static let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))

    /// Maps and locks at least `byteCount` bytes.
    ///
    /// - Throws: `.cannotLock` when neither memfd_secret(2) nor mlock2(2) works and `allowUnlocked` is false.
    init(byteCount: Int, allowUnlocked: Bool) throws(LockedMemoryError) {
        let page = Self.pageByteCount
        let usable = (max(byteCount, 1) + page - 1) / page * page
        let reserved = unsafe mmap(nil, usable + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let reserved = unsafe reserved, unsafe !keyside_map_failed(reserved) else {
            throw .cannotLock(byteCount: usable, limit: ResourceLimit.lockedMemory.current, code: errno)
        }
        let start = unsafe reserved + page

        if unsafe Self.mapSecret(at: start, byteCount: usable) {
            self.kind = .memfdSecret
        } else {
            let anonymous = unsafe mmap(
                start,
                usable,
                PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                -1,
                0
            )
            let isMapped = unsafe !keyside_map_failed(anonymous)
            if isMapped, unsafe keyside_mlock2(start, usable, 0) == 0 {
                self.kind = .mlock
            } else if isMapped, allowUnlocked {
                self.kind = .unlocked
            } else {
                let code = errno
                unsafe munmap(reserved, usable + 2 * page)
                throw .cannotLock(byteCount: usable, limit: ResourceLimit.lockedMemory.current, code: code)
            }
            // A forked child finds zeroes. A secret mapping is shared and refuses this; it is kept from the child below.
            unsafe madvise(start, usable, MADV_WIPEONFORK)
            unsafe keyside_name_mapping(start, usable, "keyside-locked")
        }
        unsafe madvise(start, usable, MADV_DONTDUMP)
        if self.kind == .memfdSecret { unsafe madvise(start, usable, MADV_DONTFORK) }
        unsafe self.bytes = UnsafeMutableRawBufferPointer(start: start, count: usable)
    }

    deinit {
        guard let start = unsafe self.bytes.baseAddress else { return }
        unsafe keyside_wipe(start, self.bytes.count)
        unsafe munmap(start - Self.pageByteCount, self.bytes.count + 2 * Self.pageByteCount)
    }

    /// Puts a memfd_secret(2) mapping over the reserved pages. `RLIMIT_MEMLOCK` is applied here, by mmap(2); the pages
    /// themselves come when they are first touched, which takes some 15 µs for each.
    private static func mapSecret(at start: UnsafeMutableRawPointer, byteCount: Int) -> Bool {
        let descriptor = keyside_memfd_secret(UInt32(O_CLOEXEC))
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard ftruncate(descriptor, byteCount) == 0 else { return false }
        let mapped = unsafe mmap(start, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0)
        return unsafe !keyside_map_failed(mapped)
    }
}
