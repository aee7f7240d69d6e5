// SPDX-License-Identifier: Apache-2.0

import Glibc

/// One mapping of a process, from /proc/PID/smaps.
struct MemoryMapping {
    let range: Range<UInt>
    /// `rw-p`
    let permissions: Substring
    /// A file's path, `[heap]` and the like, or nothing.
    let name: Substring
    /// Two letters each, see proc(5): `lo` for locked, `dd` for left out of dumps.
    var flags: Set<Substring> = []

    var isReadable: Bool { self.permissions.hasPrefix("r") }

    /// Whether it is where a process keeps its secrets: locked, and left out of dumps. Nothing is both by chance. Names
    /// would be plainer, but not every kernel has names for anonymous memory.
    var isForSecrets: Bool { self.flags.isSuperset(of: ["lo", "dd"]) }

    /// memfd_secret(2): not even root reads it.
    var isSecretFile: Bool { self.name.hasPrefix("/secretmem") }

    /// Pages that the kernel lends to every process. They cannot be read from outside.
    var isKernels: Bool { self.name.hasPrefix("[vvar") }

    static func all(of process: Int32) throws(TestFailure) -> [MemoryMapping] {
        var mappings: [MemoryMapping] = []
        for line in try text(of: "/proc/\(process)/smaps").split(separator: "\n") {
            if let mapping = MemoryMapping(line) {
                mappings.append(mapping)
            } else if line.hasPrefix("VmFlags:"), let last = mappings.indices.last {
                mappings[last].flags = Set(line.dropFirst("VmFlags:".count).split(separator: " "))
            }
        }
        guard !mappings.isEmpty, mappings.allSatisfy({ !$0.flags.isEmpty }) else {
            throw .unusable("/proc/\(process)/smaps tells nothing of the process's memory")
        }
        return mappings
    }

    /// `7efd7d4a5000-7efd7d525000 rw-s 00000000 00:0e 175928      /secretmem (deleted)`; nil for every other line.
    private init?(_ line: Substring) {
        let parts = line.split(separator: " ", maxSplits: 5)
        guard parts.count >= 5, !parts[0].hasSuffix(":") else { return nil }
        let bounds = parts[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard bounds.count == 2 else { return nil }
        self.range = bounds[0]..<bounds[1]
        self.permissions = parts[1]
        self.name = parts.count > 5 ? parts[5].drop { $0 == " " } : ""
    }
}
