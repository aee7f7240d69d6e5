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
@safe struct LockedRegion: ~Copyable, Sendable {
    let kind: LockedMemoryKind
    /// The usable bytes, without the guard pages. The address is constant; who may look behind it, the owner says.
    nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer

    static let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))
    /// Whether the owner wipes what it wrote, so that the end need not touch pages that were never used.
    private let ownerWipes: Bool

    /// Maps and locks at least `byteCount` bytes.
    ///
    /// - Parameters:
    ///   - comesWhenTouched: whether pages are to take memory only once they are touched, as those of memfd_secret(2)
    ///     always do. They count against the limit at once.
    ///   - ownerWipes: whether the owner has wiped the bytes when the region is released.
    /// - Throws: `.cannotLock` when neither memfd_secret(2) nor mlock2(2) works and `allowUnlocked` is false.
    init(
        byteCount: Int, comesWhenTouched: Bool = false, ownerWipes: Bool = false, allowUnlocked: Bool
    ) throws(LockedMemoryError) {
        let page = Self.pageByteCount
        let usable = (max(byteCount, 1) + page - 1) / page * page
        let secret = unsafe Self.mapSecret(byteCount: usable + 2 * page)
        guard let mapping = unsafe secret ?? Self.mapAnonymous(byteCount: usable + 2 * page) else {
            throw .cannotLock(byteCount: usable, limit: ResourceLimit.lockedMemory.current, code: errno)
        }
        let start = unsafe mapping + page
        let isGuarded =
            unsafe mprotect(mapping, page, PROT_NONE) == 0 && mprotect(start + usable, page, PROT_NONE) == 0
        if isGuarded, unsafe secret != nil {
            self.kind = .memfdSecret
        } else if isGuarded, unsafe keyside_mlock2(start, usable, comesWhenTouched) == 0 {
            self.kind = .mlock
        } else if isGuarded, allowUnlocked {
            self.kind = .unlocked
        } else {
            let code = errno
            unsafe munmap(mapping, usable + 2 * page)
            throw .cannotLock(byteCount: usable, limit: ResourceLimit.lockedMemory.current, code: code)
        }
        self.ownerWipes = ownerWipes
        unsafe madvise(start, usable, MADV_DONTDUMP)
        // A forked child finds zeroes. A secret mapping is shared and refuses this; it is kept from the child instead.
        unsafe madvise(start, usable, self.kind == .memfdSecret ? MADV_DONTFORK : MADV_WIPEONFORK)
        if self.kind != .memfdSecret { unsafe keyside_name_mapping(start, usable, "keyside-locked") }
        unsafe self.bytes = UnsafeMutableRawBufferPointer(start: start, count: usable)
    }

    deinit {
        guard let start = unsafe self.bytes.baseAddress else { return }
        // The kernel wipes pages of memfd_secret(2) as it takes them back, and only those that were ever touched.
        if self.kind != .memfdSecret, !self.ownerWipes { unsafe keyside_wipe(start, self.bytes.count) }
        unsafe munmap(start - Self.pageByteCount, self.bytes.count + 2 * Self.pageByteCount)
    }

    /// A mapping of memfd_secret(2), nil where there is none. `RLIMIT_MEMLOCK` is applied here, by mmap(2), to the guard
    /// pages too; the pages themselves come when they are first touched, which takes some 15 µs for each.
    ///
    /// The kernel chooses the place. Over pages that are reserved, mmap(2) would leave a hole where it fails, for another
    /// thread's mapping to land in.
    private static func mapSecret(byteCount: Int) -> UnsafeMutableRawPointer? {
        let descriptor = keyside_memfd_secret(UInt32(O_CLOEXEC))
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard ftruncate(descriptor, byteCount) == 0 else { return nil }
        return unsafe Self.map(byteCount, MAP_SHARED, descriptor)
    }

    private static func mapAnonymous(byteCount: Int) -> UnsafeMutableRawPointer? {
        unsafe Self.map(byteCount, MAP_PRIVATE | MAP_ANONYMOUS, -1)
    }

    private static func map(_ byteCount: Int, _ flags: CInt, _ descriptor: CInt) -> UnsafeMutableRawPointer? {
        let mapped = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, descriptor, 0)
        return unsafe keyside_map_failed(mapped) ? nil : mapped
    }
}
