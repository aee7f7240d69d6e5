// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// The kernel's statistics of this process: getrusage(2), sysconf(3) and proc(5).
///
/// Values from proc(5) are nil if /proc is not mounted.
package struct ProcessStatistics: Sendable {
    /// User and system time of all threads.
    package var cpuSeconds: Double
    package var residentByteCount: Int?
    package var virtualByteCount: Int?
    /// Bytes allocated by malloc(3).
    package var heapByteCount: Int
    package var stackByteCount: Int?
    package var openDescriptors: Int?
    package var threads: Int?

    /// Whether /proc is mounted and shows this process.
    package static var isAvailable: Bool { !Self.read("/proc/self/stat").isEmpty }

    /// Reads all statistics. Several system calls.
    package static func current() -> ProcessStatistics {
        var usage = rusage()
        unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

        let pages = Self.read("/proc/self/statm").split(separator: " ").compactMap { Int($0) }
        let pageByteCount = sysconf(CInt(_SC_PAGESIZE))
        let status = Self.read("/proc/self/status").split(separator: "\n")
        func field(_ name: String) -> Int? {
            status.first { $0.hasPrefix(name) }?.split { $0 == "\t" || $0 == " " }.dropFirst().first.flatMap { Int($0) }
        }
        return ProcessStatistics(
            cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            residentByteCount: pages.count > 1 ? pages[1] * pageByteCount : nil,
            virtualByteCount: pages.first.map { $0 * pageByteCount },
            heapByteCount: keyside_heap_byte_count(),
            stackByteCount: field("VmStk:").map { $0 * 1024 },
            openDescriptors: Self.countDescriptors(),
            threads: field("Threads:"))
    }

    package static var processID: Int { Int(getpid()) }

    /// Processors of the machine, and those that this process may use.
    package static var processors: (all: Int, usable: Int) {
        (all: sysconf(CInt(_SC_NPROCESSORS_CONF)), usable: max(1, Int(keyside_usable_processors())))
    }

    /// A file of proc(5), at most 4 KiB; empty if it cannot be read.
    static func read(_ path: String) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    private static func countDescriptors() -> Int? {
        guard let directory = unsafe opendir("/proc/self/fd") else { return nil }
        defer { unsafe closedir(directory) }
        var count = 0
        while unsafe readdir(directory) != nil { count += 1 }
        return count - 3  // `.`, `..` and the descriptor that reads the directory.
    }
}
