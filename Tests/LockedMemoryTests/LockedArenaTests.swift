// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LockedMemory

struct LockedArenaTests {
    @Test("A slot is zero when it is taken and when it has been released")
    func zeroes() throws {
        let arena = try LockedArena(capacity: 4, allowUnlocked: true)
        for round in 1...8 {
            let slot = try arena.take(byteCount: 32)
            let bytes = UnsafeMutableRawBufferPointer(start: arena.address(of: slot), count: arena.slotByteCount)
            #expect(bytes[..<32].allSatisfy { $0 == 0 })
            bytes[..<32].copyBytes(from: pattern(32, seed: round))
            arena.release(slot, byteCount: 32)
            #expect(bytes.allSatisfy { $0 == 0 })
        }
    }

    @Test("There are as many slots as asked for, no two are the same, and each can be had again")
    func exhaustion() throws {
        let arena = try LockedArena(capacity: 100, allowUnlocked: true)
        for _ in 1...2 {
            let slots = try (0..<100)
                .map { _ in try arena.take(byteCount: arena.payloadByteCountMax, mayUseReserve: true) }
            #expect(Set(slots).count == 100)
            #expect(Set(slots.map { arena.address(of: $0) }).count == 100)
            #expect(arena.slotsInUse == 100)
            #expect(throws: LockedMemoryError.exhausted) { try arena.take(byteCount: 1, mayUseReserve: true) }
            for slot in slots { arena.release(slot, byteCount: arena.payloadByteCountMax) }
            #expect(arena.slotsInUse == 0)
        }
    }

    @Test("The last slots are for those that may use the reserve, and go back to it")
    func reserve() throws {
        let arena = try LockedArena(capacity: 64, allowUnlocked: true)
        let others = try (0..<60).map { _ in try arena.take(byteCount: 8) }
        for _ in 1...2 {
            #expect(throws: LockedMemoryError.exhausted) { try arena.take(byteCount: 8) }
            let reserved = try (0..<4).map { _ in try arena.take(byteCount: 8, mayUseReserve: true) }
            #expect(Set(reserved).isDisjoint(with: others))
            for slot in reserved { arena.release(slot, byteCount: 8) }
        }
        for slot in others { arena.release(slot, byteCount: 8) }
        #expect(arena.slotsInUse == 0)
    }

    @Test("Threads do not get each other's slots")
    func threads() async throws {
        let arena = try LockedArena(capacity: 16, allowUnlocked: true)
        await withTaskGroup { group in
            for worker in 1...8 {
                group.addTask {
                    for _ in 1...2000 {
                        guard let slot = try? arena.take(byteCount: 8) else { continue }
                        let address = arena.address(of: slot)
                        #expect(address.load(as: Int.self) == 0)
                        address.storeBytes(of: worker, as: Int.self)
                        #expect(address.load(as: Int.self) == worker)
                        arena.release(slot, byteCount: 8)
                    }
                }
            }
        }
        #expect(arena.slotsInUse == 0)
    }
}
