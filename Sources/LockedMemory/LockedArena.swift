// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization

/// Slots of locked memory for small secrets such as data keys.
///
/// A slot is `slotByteCount` bytes: the secret, then a canary of 8 bytes. Invariants:
/// 1. A free slot is all zeros.
/// 2. A slot has one owner, a ``Secret``. Only the owner accesses its bytes, so they need no lock.
/// 3. The list of free slots is outside the region, under locks: the region contains only secrets.
/// 4. The last slots are a reserve for cached answers. Such an answer holds a slot only until it is written, so a few
///    slots serve any number of answers, even if many requests wait for a key server.
@safe final class LockedArena: Sendable {
    /// Bytes per slot, including the canary.
    let slotByteCount: Int
    /// Number of slots.
    let capacity: Int
    let kind: LockedMemoryKind
    let lockedByteCount: Int

    /// Constant from `init` to `deinit`; see invariant 2.
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer
    private let region: LockedRegion
    private let freeSlots: Stripes
    private let reserve: Mutex<[UInt32]>
    /// The first slot of the reserve.
    private let reserveStart: Int

    private typealias Stripes = InlineArray<8, FreeSlots>

    /// The free slots that some threads try first, so that threads seldom wait for each other.
    private struct FreeSlots: ~Copyable, Sendable {
        /// Indices. The last one is taken first, because it is the most likely to be in the processor's cache.
        let indices: Mutex<[UInt32]>
        /// Keeps the locks of different threads in different cache lines.
        private let padding = InlineArray<6, UInt64>(repeating: 0)

        init(_ indices: [UInt32]) { self.indices = Mutex(indices) }
    }

    /// Maximum length of a secret in a slot.
    var payloadByteCountMax: Int { self.slotByteCount - Canary.byteCount }

    /// - Throws: `.cannotLock`; see ``LockedRegion``.
    init(capacity: Int, slotByteCount: Int = 64, allowUnlocked: Bool) throws(LockedMemoryError) {
        precondition(capacity > 0 && slotByteCount > Canary.byteCount && slotByteCount.isMultiple(of: 8))
        let region = try LockedRegion(byteCount: capacity * slotByteCount, allowUnlocked: allowUnlocked)
        let reserveStart = capacity - min(Self.reserveCountMax, capacity / 16)
        guard let base = unsafe region.bytes.baseAddress else { throw .exhausted }
        unsafe self.base = base
        self.freeSlots = Stripes { stripe in
            FreeSlots(stride(from: stripe, to: reserveStart, by: Stripes.count).reversed().map(UInt32.init))
        }
        self.reserve = Mutex((reserveStart..<capacity).map(UInt32.init))
        self.reserveStart = reserveStart
        self.slotByteCount = slotByteCount
        self.capacity = capacity
        self.kind = region.kind
        self.lockedByteCount = unsafe region.bytes.count
        self.region = region
    }

    /// Several times the number of serving threads.
    private static let reserveCountMax = 256

    /// Takes a zeroed slot for a secret of `byteCount` bytes.
    ///
    /// - Parameter mayUseReserve: whether the secret ends before its caller suspends.
    /// - Throws: `.exhausted` if no slot is free.
    func take(byteCount: Int, mayUseReserve: Bool = false) throws(LockedMemoryError) -> UInt32 {
        precondition(byteCount <= self.payloadByteCountMax)
        guard let slot = self.takeFree() ?? (mayUseReserve ? self.reserve.withLock { $0.popLast() } : nil) else {
            throw .exhausted
        }
        unsafe Canary.plant(at: self.address(of: slot) + byteCount)
        return slot
    }

    /// Wipes and frees a slot.
    func release(_ slot: UInt32, byteCount: Int) {
        let address = unsafe self.address(of: slot)
        unsafe Canary.check(at: address + byteCount)
        unsafe keyside_wipe(address, self.slotByteCount)
        if slot < self.reserveStart {
            self.freeSlots[self.ownStripe].indices.withLock { $0.append(slot) }
        } else {
            self.reserve.withLock { $0.append(slot) }
        }
    }

    /// Takes from the thread's own stripe, or from the next stripe that has a free slot.
    private func takeFree() -> UInt32? {
        let own = self.ownStripe
        for stripe in own..<own + Stripes.count {
            let slot = self.freeSlots[stripe % Stripes.count].indices.withLock { $0.popLast() }
            if let slot { return slot }
        }
        return nil
    }

    private var ownStripe: Int { Int(keyside_thread_number()) % Stripes.count }

    func address(of slot: UInt32) -> UnsafeMutableRawPointer {
        unsafe self.base + Int(slot) * self.slotByteCount
    }

    var slotsInUse: Int {
        let free = self.freeSlots.indices.reduce(self.reserve.withLock(\.count)) { sum, stripe in
            sum + self.freeSlots[stripe].indices.withLock { $0.count }
        }
        return self.capacity - free
    }
}
