// SPDX-License-Identifier: Apache-2.0

import CTestSupport
import Glibc
import Primitives
import TestSupport
import Testing

/// The malloc family that replaces glibc's in the program: what malloc(3) promises, and that blocks are wiped.
struct ReplacedAllocatorTests {
    @Test(arguments: [0, 1, 7, 8, 24, 25, 1_000, 131_072, 200_001])
    func aBlockIsAlignedAndAtLeastAsLongAsAskedFor(byteCount: Int) throws {
        let block = try #require(testsupport_malloc(byteCount))
        #expect(Int(bitPattern: block) % 16 == 0)
        #expect(testsupport_malloc_usable_size(block) >= byteCount)
        memset(block, 0xa5, testsupport_malloc_usable_size(block))
        testsupport_free(block)
    }

    @Test(arguments: [1, 8, 16, 24, 32, 64, 256, 4_096, 65_536])
    func alignmentIsAsAskedFor(alignment: Int) throws {
        for byteCount in [1, 16, 100, 5_000] {
            let blocks: [UnsafeMutableRawPointer?] = [
                testsupport_memalign(alignment, byteCount), testsupport_aligned_alloc(alignment, byteCount),
            ]
            for block in blocks {
                let block = try #require(block)
                #expect(Int(bitPattern: block) % max(16, alignment & -alignment) == 0)
                #expect(testsupport_malloc_usable_size(block) >= byteCount)
                memset(block, 0xa5, testsupport_malloc_usable_size(block))
                testsupport_free(block)
            }
        }
    }

    @Test func pagesAreAligned() throws {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let blocks: [UnsafeMutableRawPointer?] = [testsupport_valloc(10), testsupport_pvalloc(10)]
        for block in blocks {
            let block = try #require(block)
            #expect(Int(bitPattern: block) % page == 0)
            testsupport_free(block)
        }
        let whole = try #require(testsupport_pvalloc(page + 1))
        #expect(testsupport_malloc_usable_size(whole) >= 2 * page)
        testsupport_free(whole)
    }

    @Test func aReleasedBlockIsWiped() throws {
        for (alignment, byteCount) in [(16, 300), (16, 4_000), (512, 700)] {
            let block = try #require(testsupport_memalign(alignment, byteCount))
            memset(block, 0xa5, byteCount)
            testsupport_free(block)
            // glibc keeps its list of free blocks in the first bytes of a chunk, so look behind them.
            let rest = UnsafeRawBufferPointer(start: block + 16, count: byteCount - 16)
            #expect(rest.allSatisfy { $0 != 0xa5 }, "\(byteCount) bytes aligned to \(alignment)")
        }
    }

    @Test func callocZeroesWhatWasUsedBefore() throws {
        for byteCount in [48, 4_000] {
            let used = try #require(testsupport_malloc(byteCount))
            memset(used, 0xa5, byteCount)
            testsupport_free(used)
            let zeroed = try #require(testsupport_calloc(byteCount / 8, 8))
            #expect(UnsafeRawBufferPointer(start: zeroed, count: byteCount).allSatisfy { $0 == 0 })
            testsupport_free(zeroed)
        }
    }

    @Test func reallocKeepsTheBytesThatBothBlocksHave() throws {
        var generator = SeededGenerator(seed: 7)
        var block = try #require(testsupport_realloc(nil, 64))
        var byteCount = 64
        for step in 0..<2_000 {
            memset(block, Int32(step & 0x7f), byteCount)
            let next = Int.random(in: 1...(step % 10 == 0 ? 300_000 : 500), using: &generator)
            let moved: UnsafeMutableRawPointer? =
                step % 2 == 0 ? testsupport_realloc(block, next) : testsupport_reallocarray(block, next, 1)
            block = try #require(moved)
            let kept = UnsafeRawBufferPointer(start: block, count: min(next, byteCount))
            #expect(kept.allSatisfy { $0 == UInt8(step & 0x7f) }, "step \(step): \(byteCount) to \(next) bytes")
            byteCount = next
        }
        #expect(testsupport_realloc(block, 0) == nil)
    }

    @Test func whatNoMemoryHoldsIsRefusedWithENOMEM() {
        let huge = Int.max / 2 + 1
        for byteCount in [huge, Int.max, -1] {
            errno = 0
            #expect(testsupport_malloc(byteCount) == nil && errno == ENOMEM)
        }
        errno = 0
        #expect(testsupport_calloc(huge, 4) == nil && errno == ENOMEM)
        errno = 0
        #expect(testsupport_reallocarray(nil, huge, 4) == nil && errno == ENOMEM)
        errno = 0
        #expect(testsupport_pvalloc(Int.max) == nil && errno == ENOMEM)
        errno = 0
        #expect(testsupport_memalign(1 << 62, 16) == nil && errno == ENOMEM)
    }

    @Test func posixMemalignTellsByItsResult() {
        var block: UnsafeMutableRawPointer?
        errno = 5
        #expect(testsupport_posix_memalign(&block, 24, 8) == EINVAL)
        #expect(testsupport_posix_memalign(&block, 4, 8) == EINVAL)
        #expect(testsupport_posix_memalign(&block, 64, Int.max) == ENOMEM)
        #expect(testsupport_posix_memalign(&block, 64, 8) == 0)
        #expect(errno == 5 && Int(bitPattern: block) % 64 == 0)
        testsupport_free(block)
        #expect(errno == 5)
    }

    @Test func nothingHasNoSizeAndCanBeReleased() {
        #expect(testsupport_malloc_usable_size(nil) == 0)
        testsupport_free(nil)
    }
}
