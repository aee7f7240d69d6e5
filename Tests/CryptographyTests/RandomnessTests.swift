// SPDX-License-Identifier: Apache-2.0

import Cryptography
import LockedMemory
import TestSupport
import Testing

struct RandomnessTests {
    @Test("Two draws are never the same")
    func draws() throws {
        let memory = try SharedMemory.secrets
        var seen: Set<[UInt8]> = []
        for _ in 1...1000 {
            let open: InlineArray<16, UInt8> = try Randomness.bytes()
            let secret = try Randomness.secret(byteCount: 16, in: memory)
            #expect(seen.insert(open.indices.map { open[$0] }).inserted)
            #expect(seen.insert(secret.array).inserted)
        }
    }

    @Test("Every byte is drawn", arguments: [1, 32, 56, 57, 1000])
    func everyByte(_ byteCount: Int) throws {
        let memory = try SharedMemory.secrets
        var drawn = [UInt8](repeating: 0, count: byteCount)
        // That a byte is zero sixteen times running comes once in 10³⁸.
        for _ in 1...16 {
            let secret = try Randomness.secret(byteCount: byteCount, in: memory).array
            for index in drawn.indices { drawn[index] |= secret[index] }
        }
        #expect(!drawn.contains(0))
    }

    @Test("Without locked memory there is no secret")
    func exhaustion() throws {
        _ = try SharedMemory.secrets
        SharedMemory.giveToOpenSSL()
        let memory = try SecretMemory(slotCount: 1, allowUnlocked: true)
        let only = try Randomness.secret(byteCount: 32, in: memory)
        #expect(throws: CryptographyError.memory(.exhausted)) {
            _ = try Randomness.secret(byteCount: 32, in: memory).byteCount
        }
        #expect(only.byteCount == 32)
    }
}
