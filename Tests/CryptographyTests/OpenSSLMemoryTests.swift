// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Cryptography
import Glibc
import LockedMemory
import Testing

/// Each test is a process of its own: OpenSSL is told once where to allocate.
struct OpenSSLMemoryTests {
    @Test("What OpenSSL allocates lives in the locked heap, and is released to it")
    func allocates() async {
        await #expect(processExitsWith: .success) {
            let memory = try SecretMemory(allowUnlocked: true)
            try OpenSSLMemory.install(memory)
            do { _ = try AEAD(.aes256GCM) }  // What OpenSSL loads on first use stays.
            let before = memory.heap(.own).blocksInUse
            #expect(before > 0)
            try withExtendedLifetime(AEAD(.aes256GCM)) { #expect(memory.heap(.own).blocksInUse > before) }
            #expect(memory.heap(.own).blocksInUse == before)
        }
    }

    @Test("The first memory stays")
    func installsOnce() async {
        await #expect(processExitsWith: .success) {
            let first = try SecretMemory(allowUnlocked: true)
            let second = try SecretMemory(allowUnlocked: true)
            try OpenSSLMemory.install(first)
            try OpenSSLMemory.install(second)
            _ = try HChaCha20()
            try OpenSSLMemory.install(second)
            #expect(first.heap(.own).blocksInUse > 0)
            #expect(second.heap(.own).blocksInUse == 0)
        }
    }

    @Test("Many threads may install at the same time, and use OpenSSL right after")
    func installsConcurrently() async {
        await #expect(processExitsWith: .success) {
            let memories = try (1...16).map { _ in try SecretMemory(slotCount: 8, allowUnlocked: true) }
            try await withThrowingTaskGroup { group in
                for memory in memories {
                    group.addTask {
                        try OpenSSLMemory.install(memory)
                        _ = try Randomness.secret(byteCount: 32, in: memory).byteCount
                    }
                }
                try await group.waitForAll()
            }
            #expect(memories.count { $0.heap(.own).blocksInUse > 0 } == 1)
        }
    }

    @Test("It is too late when OpenSSL has allocated already")
    func tooLate() async {
        await #expect(processExitsWith: .success) {
            let _: InlineArray<16, UInt8> = try Randomness.bytes()
            let memory = try SecretMemory(allowUnlocked: true)
            for _ in 1...2 {
                #expect(throws: CryptographyError.openSSLInUse) { try OpenSSLMemory.install(memory) }
            }
            let _: InlineArray<16, UInt8> = try Randomness.bytes()
            #expect(memory.heap(.own).blocksInUse == 0)
        }
    }

    @Test("No bytes are no block, a null block is a new one, and what does not fit is refused")
    func edges() async {
        await #expect(processExitsWith: .success) {
            let memory = try SecretMemory(allowUnlocked: true)
            try OpenSSLMemory.install(memory)
            let before = memory.heap(.own).blocksInUse

            #expect(CRYPTO_malloc(0, nil, 0) == nil)
            CRYPTO_free(nil, nil, 0)
            #expect(CRYPTO_malloc(64 << 20, nil, 0) == nil)
            #expect(memory.heap(.own).blocksInUse == before)

            let block = try #require(CRYPTO_realloc(nil, 100, nil, 0))
            block.storeBytes(of: 42, toByteOffset: 99, as: UInt8.self)
            #expect(CRYPTO_realloc(block, 64 << 20, nil, 0) == nil)
            let moved = try #require(CRYPTO_realloc(block, 5000, nil, 0))
            #expect(moved.load(fromByteOffset: 99, as: UInt8.self) == 42)
            #expect(memory.heap(.own).blocksInUse == before + 1)
            #expect(CRYPTO_realloc(moved, 0, nil, 0) == nil)
            #expect(memory.heap(.own).blocksInUse == before)
        }
    }

    @Test("OpenSSL is of use until the process has ended")
    func exits() async {
        await #expect(processExitsWith: .success) {
            // Last registered, first run: OpenSSL's own clean-up would come before this.
            atexit {
                do { _ = try AEAD(.aes256GCM) } catch { _exit(EXIT_FAILURE) }
            }
            try OpenSSLMemory.install(try SecretMemory(allowUnlocked: true))
            _ = try AEAD(.aes256GCM)
            exit(EXIT_SUCCESS)
        }
    }
}
