// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// How a region is kept out of swap and core dumps, from best to worst.
package enum LockedMemoryKind: String, Sendable, Comparable {
    /// memfd_secret(2): locked, and removed from the kernel's own mappings, so that root's debugger cannot read it
    /// either.
    case memfdSecret = "memfd_secret"
    /// Anonymous memory under mlock2(2).
    case mlock = "mlock2"
    /// Ordinary memory. Only with `memory.allow_unlocked: true`.
    case unlocked = "unlocked"

    package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

    /// 0 is best.
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
    /// All reserved memory is in use. Memory becomes available when secrets are released.
    case exhausted
}

/// A mapping of locked memory with an inaccessible guard page on either side. Unmapped on release.
///
/// Layout: `[guard page][byteCount bytes, whole pages][guard page]`. Excluded from core dumps, absent in a forked
/// child, zeroed at first. A region has no lock: its owner coordinates access.
@safe struct LockedRegion: ~Copyable, Sendable {
    let kind: LockedMemoryKind
    /// The usable bytes, without the guard pages. The address is constant; the owner coordinates access.
    nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer

    static let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))
    /// Whether the owner wipes what it wrote, so that the release need not touch unused pages.
    private let ownerWipes: Bool

    /// Maps and locks at least `byteCount` bytes.
    ///
    /// - Parameters:
    ///   - comesWhenTouched: whether pages need physical memory only from their first use, as with memfd_secret(2)
    ///     always. All count against the limit at once.
    ///   - ownerWipes: whether the owner has wiped the bytes before release.
    /// - Throws: `.cannotLock` if neither memfd_secret(2) nor mlock2(2) works and `allowUnlocked` is false.
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
        // A forked child gets zeroed pages. A secret mapping is shared and does not support that; the child gets no
        // mapping instead.
        unsafe madvise(start, usable, self.kind == .memfdSecret ? MADV_DONTFORK : MADV_WIPEONFORK)
        if self.kind != .memfdSecret { unsafe keyside_name_mapping(start, usable, "keyside-locked") }
        unsafe self.bytes = UnsafeMutableRawBufferPointer(start: start, count: usable)
    }

    deinit {
        guard let start = unsafe self.bytes.baseAddress else { return }
        // The kernel wipes pages of memfd_secret(2) on release, and only those that were used.
        if self.kind != .memfdSecret, !self.ownerWipes { unsafe keyside_wipe(start, self.bytes.count) }
        unsafe munmap(start - Self.pageByteCount, self.bytes.count + 2 * Self.pageByteCount)
    }

    /// Maps memory of memfd_secret(2); nil if the kernel has none. mmap(2) checks `RLIMIT_MEMLOCK` here, for the guard
    /// pages too. Pages are allocated at their first use, which takes about 15 µs each.
    ///
    /// The kernel chooses the address. Mapping over reserved pages would leave a hole if mmap(2) failed, which another
    /// thread's mapping could use.
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
