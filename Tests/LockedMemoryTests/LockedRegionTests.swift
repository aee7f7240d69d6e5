// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import LockedMemory

struct LockedRegionTests {
    /// Whether this kernel has memfd_secret(2).
    private static let hasSecretMemory: Bool = {
        let descriptor = keyside_memfd_secret(0)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0
    }()

    @Test("A region is whole pages of zeroes that can be written", arguments: [1, 4096, 4097, 100_000])
    func bytes(_ byteCount: Int) throws {
        let region = try LockedRegion(byteCount: byteCount, allowUnlocked: true)
        #expect(region.bytes.count >= byteCount)
        #expect(region.bytes.count.isMultiple(of: Int(sysconf(Int32(_SC_PAGESIZE)))))
        #expect(region.bytes.allSatisfy { $0 == 0 })
        for index in region.bytes.indices { region.bytes[index] = 0xff }
        #expect(region.bytes.allSatisfy { $0 == 0xff })
    }

    @Test("Where the kernel has secret memory, a region is of it", .enabled(if: Self.hasSecretMemory))
    func secretMemory() async {
        await #expect(processExitsWith: .success) {
            let region = try LockedRegion(byteCount: 4096, allowUnlocked: false)
            #expect(region.kind == .memfdSecret)
            // Locked, not dumped, not copied to a forked child.
            #expect(try flags(of: region).isSuperset(of: ["lo", "dd", "dc"]))
        }
    }

    @Test("Where there is none, a region is locked with mlock2")
    func mlock() async {
        await #expect(processExitsWith: .success) {
            let region = try TestProcess.withoutDescriptors {
                try LockedRegion(byteCount: 4096, allowUnlocked: false)
            }
            #expect(region.kind == .mlock)
            // Locked, not dumped, wiped in a forked child.
            #expect(try flags(of: region).isSuperset(of: ["lo", "dd", "wf"]))
            for index in region.bytes.indices { region.bytes[index] = 0xff }
        }
    }

    @Test("Where too little can be locked, the error says how much and what the limit is")
    func limit() async {
        await #expect(processExitsWith: .success) {
            try TestProcess.limitLockedMemory(to: 65536)
            #expect(throws: LockedMemoryError.cannotLock(byteCount: 131_072, limit: 65536, code: ENOMEM)) {
                _ = try LockedRegion(byteCount: 131_072, allowUnlocked: false).kind
            }
            #expect(try LockedRegion(byteCount: 65536, allowUnlocked: false).kind < .unlocked)
        }
    }

    @Test("Where nothing can be locked, ordinary memory will do only if it may")
    func unlocked() async {
        await #expect(processExitsWith: .success) {
            try TestProcess.limitLockedMemory(to: 0)
            #expect(throws: LockedMemoryError.cannotLock(byteCount: 4096, limit: 0, code: EPERM)) {
                _ = try LockedRegion(byteCount: 1, allowUnlocked: false).kind
            }
            #expect(try LockedRegion(byteCount: 1, allowUnlocked: true).kind == .unlocked)

            #expect(throws: LockedMemoryError.self) { try SecretMemory(allowUnlocked: false) }
            let memory = try SecretMemory(allowUnlocked: true)
            #expect(memory.kind == .unlocked)
            #expect(try Secret(pattern(32), in: memory).array == pattern(32))
        }
    }

    @Test("A region that finds too little to lock leaves other threads' memory alone")
    func neighbours() async {
        await #expect(processExitsWith: .success) {
            try TestProcess.limitLockedMemory(to: 4096)
            let byteCount = 1 << 14
            let isOver = Atomic(false)
            async let neighbourIsWhole = onThread {
                var isWhole = true
                while isWhole, !isOver.load(ordering: .relaxed) {
                    let access = PROT_READ | PROT_WRITE
                    let own = mmap(nil, byteCount, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)
                    guard let own, own != MAP_FAILED else { return false }
                    own.storeBytes(of: 1, as: UInt8.self)
                    sched_yield()
                    isWhole = own.load(as: UInt8.self) == 1
                    munmap(own, byteCount)
                }
                return isWhole
            }
            for _ in 0..<5_000 {
                #expect(try LockedRegion(byteCount: byteCount, allowUnlocked: true).kind == .unlocked)
            }
            isOver.store(true, ordering: .relaxed)
            #expect(await neighbourIsWhole)
        }
    }

    @Test("The page before a region cannot be touched")
    func guardBefore() async {
        await #expect(processExitsWith: .signal(SIGSEGV)) {
            let region = try LockedRegion(byteCount: 1, allowUnlocked: true)
            let start = try #require(region.bytes.baseAddress)
            exit(CInt((start - 1).load(as: UInt8.self)))
        }
    }

    @Test("The page behind a region cannot be touched")
    func guardBehind() async {
        await #expect(processExitsWith: .signal(SIGSEGV)) {
            let region = try LockedRegion(byteCount: 1, allowUnlocked: true)
            let start = try #require(region.bytes.baseAddress)
            exit(CInt((start + region.bytes.count).load(as: UInt8.self)))
        }
    }

    @Test("What has ended is unmapped")
    func unmapped() async {
        await #expect(processExitsWith: .signal(SIGSEGV)) {
            let start = try #require(try LockedRegion(byteCount: 1, allowUnlocked: true).bytes.baseAddress)
            exit(CInt(start.load(as: UInt8.self)))
        }
    }
}

/// The kernel's two-letter flags of a region's mapping, see proc_pid_smaps(5).
private func flags(of region: borrowing LockedRegion) throws -> Set<Substring> {
    let start = String(UInt(bitPattern: region.bytes.baseAddress), radix: 16)
    let smaps = try text(of: "/proc/self/smaps")
    let lines = smaps.split(separator: "\n").drop { !$0.hasPrefix("\(start)-") }
    let flags = try #require(lines.first { $0.hasPrefix("VmFlags:") })
    return Set(flags.split(separator: " ").dropFirst())
}
