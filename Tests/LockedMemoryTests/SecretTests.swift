// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import LockedMemory

struct SecretTests {
    private static func memory(slotCount: Int = 16) throws -> SecretMemory {
        try SecretMemory(slotCount: slotCount, heapByteCountMax: 4 << 20, allowUnlocked: true)
    }

    @Test(
        "A secret holds what it was made of, and is zero if made of nothing",
        arguments: [
            0, 1, 32, 56, 57, 1000, 100_000,
        ]
    )
    func contents(_ byteCount: Int) throws {
        let memory = try Self.memory()
        #expect(try Secret(pattern(byteCount), in: memory).array == pattern(byteCount))

        var secret = try Secret(byteCount: byteCount, in: memory)
        #expect(secret.byteCount == byteCount)
        #expect(secret.array == [UInt8](repeating: 0, count: byteCount))
        secret.withMutableBytes { bytes in
            for (index, byte) in pattern(byteCount).enumerated() { bytes[index] = byte }
        }
        #expect(secret.array == pattern(byteCount))
    }

    @Test(
        "Short secrets live in slots, long ones in the heap, and neither stays behind",
        arguments: [
            (56, 1, 0), (57, 0, 1),
        ]
    )
    func places(byteCount: Int, slots: Int, blocks: Int) throws {
        let memory = try Self.memory()
        do {
            let secret = try Secret(byteCount: byteCount, in: memory)
            #expect((memory.slotsInUse, memory.heap(.requests).blocksInUse) == (slots, blocks))
            #expect(secret.byteCount == byteCount)
        }
        #expect((memory.slotsInUse, memory.heap(.requests).blocksInUse) == (0, 0))
    }

    @Test("A secret that has ended is wiped", arguments: [1, 32, 56, 57, 1000])
    func wiped(_ byteCount: Int) throws {
        let memory = try Self.memory()
        let secret = SharedBytes()
        do {
            let ending = try Secret(pattern(byteCount), in: memory)
            ending.withUnsafeBytes { secret.bytes = $0 }
            #expect(secret.bytes.elementsEqual(pattern(byteCount)))
        }
        // The memory stays mapped as long as `memory`.
        withExtendedLifetime(memory) { #expect(secret.bytes.allSatisfy { $0 == 0 }) }
    }

    private final class SharedBytes {
        var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    @Test("When no slot is free there is no secret, until one ends")
    func exhaustion() throws {
        let memory = try Self.memory(slotCount: 2)
        let kept = try Secret(byteCount: 1, in: memory)
        do {
            let passing = try Secret(byteCount: 1, in: memory)
            #expect(throws: LockedMemoryError.exhausted) { _ = try Secret(byteCount: 1, in: memory).byteCount }
            #expect(passing.byteCount == kept.byteCount)
        }
        #expect(try Secret(byteCount: 1, in: memory).byteCount == 1)
    }

    @Test("When the heap is full there is no long secret, and a short one none the less")
    func heapExhaustion() throws {
        let memory = try Self.memory()
        #expect(throws: LockedMemoryError.exhausted) { _ = try Secret(byteCount: 8 << 20, in: memory).byteCount }
        #expect(try Secret(byteCount: 32, in: memory).byteCount == 32)
    }

    @Test("What is cut off is gone", arguments: [(32, 32), (32, 31), (32, 0), (56, 1), (1000, 999), (1000, 0)])
    func truncates(byteCount: Int, to rest: Int) throws {
        let memory = try Self.memory()
        var secret = try Secret(pattern(byteCount), in: memory)
        secret.truncate(to: rest)
        #expect(secret.byteCount == rest)
        #expect(secret.array == pattern(byteCount).prefix(rest).map { $0 })
        let whole = secret.withUnsafeBytes { UnsafeRawBufferPointer(start: $0.baseAddress, count: byteCount) }
        #expect(whole.dropFirst(rest).allSatisfy { $0 == 0 })
    }

    @Test(
        "Secrets are equal if each byte is",
        arguments: [
            ([], [], true), ([1], [1], true), ([1], [2], false), ([1, 2], [1], false), ([], [0], false),
            (pattern(57), pattern(57), true), (pattern(57), pattern(56) + [0], false),
            ([0x80] + pattern(31), pattern(32), false),
        ] as [([UInt8], [UInt8], Bool)]
    )
    func equality(left: [UInt8], right: [UInt8], areEqual: Bool) throws {
        let memory = try Self.memory()
        let left = try Secret(left, in: memory)
        let right = try Secret(right, in: memory)
        #expect(left.isEqual(to: right) == areEqual)
        #expect(right.isEqual(to: left) == areEqual)
    }

    @Test("A secret is written anew as a whole")
    func fill() throws {
        var secret = try Secret(pattern(4), in: try Self.memory())
        secret.fill { output in
            for byte: UInt8 in 5...8 { output.append(byte) }
        }
        #expect(secret.array == [5, 6, 7, 8])
    }

    @Test("Writing past a secret's end stops the process", arguments: [1, 32, 55, 56, 57, 1000])
    func damage(_ byteCount: Int) async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { [byteCount] in
            let memory = try SecretMemory(slotCount: 4, allowUnlocked: true)
            var secret = try Secret(byteCount: byteCount, in: memory)
            secret.withUnsafeMutableBytes { bytes in
                guard let end = bytes.baseAddress.map({ $0 + bytes.count }) else { return }
                end.storeBytes(of: ~end.load(as: UInt8.self), as: UInt8.self)
            }
        }
        #expect(said("past the end of a secret", result))
    }

    @Test(
        "A secret is built of pieces, up to a limit",
        arguments: [[], [0], [10], [1, 2, 3], [4000, 97, 5000], [9999]]
    )
    func builds(_ byteCounts: [Int]) throws {
        let memory = try Self.memory()
        var whole: [UInt8] = []
        do {
            var builder = SecretBuilder(byteCountMax: 10_000, in: memory)
            for byteCount in byteCounts {
                let piece = pattern(byteCount, seed: byteCount)
                #expect(try builder.append(piece.span))
                whole += piece
            }
            let tooMuch = [UInt8](repeating: 1, count: 10_001 - whole.count)
            #expect(try !builder.append(tooMuch.span))
            #expect(try builder.finish().array == whole)
        }
        #expect((memory.slotsInUse, memory.heap(.requests).blocksInUse) == (0, 0))
    }
}
