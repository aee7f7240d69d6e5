// SPDX-License-Identifier: Apache-2.0

/// How much memory the kernel lets the process lock.
package enum LockableMemory {
    /// Bytes that can be locked, at most `byteCountMax`. Raises the soft limit of `RLIMIT_MEMLOCK` to the hard limit
    /// first.
    ///
    /// Tries to lock, because CAP_IPC_LOCK lifts the limit only in the initial user namespace.
    package static func byteCount(upTo byteCountMax: Int) -> Int {
        ResourceLimit.lockedMemory.raise()
        guard let limit = ResourceLimit.lockedMemory.current, limit < byteCountMax else { return byteCountMax }
        return Self.canLock(byteCountMax) ? byteCountMax : limit
    }

    private static func canLock(_ byteCount: Int) -> Bool {
        do throws(LockedMemoryError) {
            _ = try LockedRegion(byteCount: byteCount, comesWhenTouched: true, ownerWipes: true, allowUnlocked: false)
            return true
        } catch {
            return false
        }
    }
}
