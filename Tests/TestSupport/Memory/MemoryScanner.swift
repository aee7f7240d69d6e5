// SPDX-License-Identifier: Apache-2.0

import CTestSupport
import Glibc

/// Something that must not be found, and how to call it in a report.
package struct KnownSecret: Sendable {
    package let name: String
    package let bytes: [UInt8]

    /// - Precondition: 16 bytes at least, and random: what other memory may hold by chance is no secret.
    package init(_ name: String, _ bytes: [UInt8]) {
        precondition(bytes.count >= MemoryScanner.byteCountMin)
        self.name = name
        self.bytes = bytes
    }
}

/// What a scan found, and where it looked.
package struct MemoryScan: Sendable {
    package struct Copy: Sendable, CustomStringConvertible {
        package let secret: String
        package let form: MemoryScanner.Form
        /// How much of the form there is, and where.
        package let byteCount: Int
        package let place: String
        /// What stands in front of it.
        package let before: String

        package var description: String {
            "\(self.byteCount) bytes of \(self.secret), \(self.form), in \(self.place), behind '\(self.before)'"
        }
    }

    package fileprivate(set) var copies: [Copy] = []
    package fileprivate(set) var searchedByteCount = 0
    /// Bytes of memory set aside for secrets, where copies belong and were not looked for.
    package fileprivate(set) var lockedByteCount = 0
    /// Those of them that the kernel does not let anybody read.
    package fileprivate(set) var unreadableByteCount = 0
}

/// Searches a process for secrets: its readable memory and its environment block, in one pass however many there are.
///
/// A secret is found raw, in base64 and in hexadecimal, and so is every piece of 16 bytes of any of these.
@safe package final class MemoryScanner {
    package enum Form: String, CaseIterable, Sendable {
        case raw, base64, lowercaseHex, uppercaseHex

        package func text(of secret: [UInt8]) -> [UInt8] {
            switch self {
            case .raw: secret
            case .base64: Array(secret.base64.utf8)
            case .lowercaseHex: Array(secret.hex().utf8)
            case .uppercaseHex: Array(secret.hex(uppercase: true).utf8)
            }
        }
    }

    /// The shortest piece that counts.
    static let byteCountMin = 16

    private let names: [String]
    private let index: OpaquePointer
    private static let windowByteCount = 1 << 20
    /// A window begins in the last one, so that what lies across its end is seen.
    private static let overlapByteCount = 256
    /// More need not be described.
    private static let describedCopiesMax = 64

    package init(for secrets: [KnownSecret]) throws(TestFailure) {
        var bytes: [UInt8] = []
        var starts: [UInt32] = [0]
        for secret in secrets {
            for form in Form.allCases {
                bytes += form.text(of: secret.bytes)
                starts.append(UInt32(bytes.count))
            }
        }
        guard let index = unsafe testsupport_index_make(bytes, starts, UInt32(starts.count - 1)) else {
            throw .unusable("no memory for \(secrets.count) secrets")
        }
        self.names = secrets.map(\.name)
        unsafe self.index = index
    }

    deinit { unsafe testsupport_index_free(self.index) }

    /// - Parameter includingLockedMemory: whether to look also where secrets belong, as far as it can be read.
    /// - Throws: when some memory cannot be read that should be, be it for want of rights.
    package func scan(_ process: Int32, includingLockedMemory: Bool = false) throws(TestFailure) -> MemoryScan {
        var scan = MemoryScan()
        let environment = try Descriptor.open("/proc/\(process)/environ", O_RDONLY).readAll()
        self.search(environment, place: "the environment block", into: &scan)
        let memory = try Descriptor.open("/proc/\(process)/mem", O_RDONLY)
        for mapping in try MemoryMapping.all(of: process) where mapping.isReadable {
            if mapping.isForSecrets {
                scan.lockedByteCount += mapping.range.count
                if !includingLockedMemory || mapping.isSecretFile {
                    try Self.checkSecretFile(mapping, memory, &scan)
                    continue
                }
            }
            if mapping.isKernels { continue }
            try self.search(mapping, of: memory, process, into: &scan)
        }
        return scan
    }

    /// A mapping that claims to be unreadable has to prove it.
    private static func checkSecretFile(
        _ mapping: MemoryMapping, _ memory: Descriptor, _ scan: inout MemoryScan
    ) throws(TestFailure) {
        guard mapping.isSecretFile else { return }
        var page = [UInt8](repeating: 0, count: 4096)
        guard unsafe pread(memory.number, &page, page.count, off_t(bitPattern: mapping.range.lowerBound)) < 0,
            errno == EIO
        else {
            throw .unusable("memory from memfd_secret(2) could be read from outside")
        }
        scan.unreadableByteCount += mapping.range.count
    }

    private func search(
        _ mapping: MemoryMapping, of memory: Descriptor, _ process: Int32, into scan: inout MemoryScan
    ) throws(TestFailure) {
        var window = [UInt8](repeating: 0, count: Self.windowByteCount)
        var start = mapping.range.lowerBound
        while start < mapping.range.upperBound {
            let wanted = min(Self.windowByteCount, Int(mapping.range.upperBound - start))
            let count = unsafe pread(memory.number, &window, wanted, off_t(bitPattern: start))
            guard count > 0 else {
                // The stack of a thread that has ended meanwhile is no reason to stop.
                let code = errno
                guard try !MemoryMapping.all(of: process).contains(where: { $0.range.contains(start) }) else {
                    throw .system(call: "read of \(mapping.name) at \(String(start, radix: 16))", code: code)
                }
                return
            }
            self.search(
                count == window.count ? window : Array(window.prefix(count)),
                place: "\(mapping.name.isEmpty ? "anonymous memory" : mapping.name) (\(mapping.permissions)), "
                    + "window at \(String(start, radix: 16))",
                into: &scan)
            let isLast = start + UInt(count) == mapping.range.upperBound
            start += UInt(isLast ? count : max(1, count - Self.overlapByteCount))
        }
    }

    private func search(_ bytes: [UInt8], place: String, into scan: inout MemoryScan) {
        scan.searchedByteCount += bytes.count
        var matches = [testsupport_match](repeating: testsupport_match(), count: Self.describedCopiesMax)
        let count = unsafe testsupport_index_search(self.index, bytes, bytes.count, &matches, matches.count)
        for match in matches.prefix(count) where scan.copies.count < Self.describedCopiesMax {
            let before = bytes[max(0, match.offset - 48)..<match.offset]
            let printable = before.map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: ".") }
            scan.copies.append(
                MemoryScan.Copy(
                    secret: self.names[Int(match.text) / Form.allCases.count],
                    form: Form.allCases[Int(match.text) % Form.allCases.count], byteCount: match.byte_count,
                    place: "\(place) + \(match.offset)", before: String(decoding: printable, as: UTF8.self)))
        }
    }
}
