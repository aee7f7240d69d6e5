// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockedMemory
import TestSupport

/// Looks for copies of a secret in this process's memory.
enum MemorySearch {
    /// How many there are of its first 16 bytes outside locked memory. What is looked for, and what is read, lie in it.
    static func copies(of secret: SharedSecret, memory: SecretMemory) throws -> Int {
        let process = try Descriptor.open("/proc/self/mem", O_RDONLY)
        var window = try Secret(byteCount: 1 << 20, in: memory)
        return try Self.searchedRanges()
            .reduce(0) { count, range in
                try count
                    + window.withUnsafeMutableBytes { window in
                        try Self.copies(of: secret, in: range, of: process, through: window)
                    }
            }
    }

    private static func copies(
        of secret: SharedSecret, in range: Range<UInt>, of process: Descriptor,
        through window: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        var count = 0
        var start = range.lowerBound
        while start < range.upperBound {
            let wanted = min(window.count, Int(range.upperBound - start))
            let read = pread(process.number, window.baseAddress, wanted, off_t(bitPattern: start))
            guard read > 0 else { break }  // The stack of a thread that has ended.
            count += Self.count(secret, in: UnsafeRawBufferPointer(rebasing: window[..<read]))
            start += UInt(read)
        }
        return count
    }

    /// Byte by byte: what memcmp(3) loads into vector registers, the dynamic linker may save on the stack.
    private static func count(_ secret: SharedSecret, in bytes: UnsafeRawBufferPointer) -> Int {
        secret.value.withUnsafeBytes { needle in
            var count = 0
            var rest = bytes[...]
            while rest.count >= 16, let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress,
                let found = memchr(start, CInt(needle[0]), rest.count - 15)
            {
                if (1..<16).allSatisfy({ found.load(fromByteOffset: $0, as: UInt8.self) == needle[$0] }) { count += 1 }
                rest = rest.dropFirst(UnsafeRawPointer(found) - start + 1)
            }
            return count
        }
    }

    /// Everything readable but what is locked and left out of dumps, as proc(5) writes it: `lo` and `dd`.
    private static func searchedRanges() throws -> [Range<UInt>] {
        let text = try Descriptor.open("/proc/self/smaps", O_RDONLY).readAll()
        var ranges: [(range: Range<UInt>, isSearched: Bool)] = []
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.hasPrefix("VmFlags:"), words.contains("lo"), words.contains("dd") {
                ranges[ranges.count - 1].isSearched = false
            }
            let bounds = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard bounds.count == 2, words.count > 1 else { continue }
            let isKernels = line.hasSuffix("[vvar]") || line.hasSuffix("[vvar_vclock]")
            ranges.append((bounds[0]..<bounds[1], words[1].hasPrefix("r") && !isKernels))
        }
        return ranges.filter(\.isSearched).map(\.range)
    }
}
