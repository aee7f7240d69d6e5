// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization

/// Equal slots of locked memory for small secrets: data keys and the like.
///
/// A slot is `slotByteCount` bytes: the secret, then a canary of 8 bytes. Rules:
/// 1. A free slot is all zeroes.
/// 2. A slot has one owner, a ``Secret``; only it reads or writes the slot's bytes, so they need no lock.
/// 3. Which slots are free is kept outside the region, under locks: the region holds nothing but secrets.
/// 4. The last slots are a reserve for answers from the cache. Such an answer holds a slot only until it is written, so a few
///    slots serve any number of them, however many requests wait for a key server.
@safe final class LockedArena: Sendable {
    /// Bytes a slot, canary included.
    let slotByteCount: Int
    /// How many slots there are.
    let capacity: Int
    let kind: LockedMemoryKind
    let lockedByteCount: Int

    /// Constant from `init` to `deinit`; rule 2 says who may look where.
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer
    private let region: LockedRegion
    private let freeSlots: Stripes
    private let reserve: Mutex<[UInt32]>
    /// The first slot of the reserve.
    private let reserveStart: Int

    private typealias Stripes = InlineArray<8, FreeSlots>

    /// The free slots that threads of some numbers look at first, so that threads seldom wait for each other.
    private struct FreeSlots: ~Copyable, Sendable {
        /// Indices; the last is taken first, since it is the likeliest to be in the processor's cache.
        let indices: Mutex<[UInt32]>
        /// Keeps the locks of different threads in different lines of the processors' caches.
        private let padding = InlineArray<6, UInt64>(repeating: 0)

        init(_ indices: [UInt32]) { self.indices = Mutex(indices) }
    }

    /// The longest secret that fits into a slot.
    var payloadByteCountMax: Int { self.slotByteCount - Canary.byteCount }

    /// - Throws: `.cannotLock`, see ``LockedRegion``.
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

    /// Several times as many as there are threads that answer.
    private static let reserveCountMax = 256

    /// Takes a slot for a secret of `byteCount` bytes, all zero.
    ///
    /// - Parameter mayUseReserve: whether the secret ends before its caller waits for anything.
    /// - Throws: `.exhausted` when no slot is free.
    func take(byteCount: Int, mayUseReserve: Bool = false) throws(LockedMemoryError) -> UInt32 {
        precondition(byteCount <= self.payloadByteCountMax)
        guard let slot = self.takeFree() ?? (mayUseReserve ? self.reserve.withLock { $0.popLast() } : nil) else {
            throw .exhausted
        }
        unsafe Canary.plant(at: self.address(of: slot) + byteCount)
        return slot
    }

    /// Wipes a slot and gives it back.
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

    /// From the thread's own stripe, else from the next that has one.
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
