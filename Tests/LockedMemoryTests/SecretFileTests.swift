// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockedMemory
import TestSupport
import Testing

struct SecretFileTests {
    private static let limit = 10_000

    @Test(
        "A file is read whole, whatever its size up to the limit",
        arguments: [
            0, 1, 56, 57, 4095, 4096, 4097, 8191, 8192, 8193, limit - 1, limit,
        ]
    )
    func sizes(_ byteCount: Int) throws {
        let memory = try SecretMemory(allowUnlocked: true)
        let file = try TemporaryFile(pattern(byteCount))
        #expect(
            try SecretFile.read(path: file.path, byteCountMax: Self.limit, into: memory).array == pattern(byteCount)
        )
        #expect((memory.slotsInUse, memory.heap(.requests).blocksInUse) == (0, 0))
    }

    @Test(
        "A file over the limit is refused",
        arguments: [(0, 1), (1, 2), (4095, 4096), (limit, limit + 1), (5, 100_000)]
    )
    func tooLarge(limit: Int, byteCount: Int) throws {
        let memory = try SecretMemory(allowUnlocked: true)
        let file = try TemporaryFile(pattern(byteCount))
        #expect(throws: SecretFile.Failure.tooLarge(byteCountMax: limit)) {
            _ = try SecretFile.read(path: file.path, byteCountMax: limit, into: memory).byteCount
        }
        #expect((memory.slotsInUse, memory.heap(.requests).blocksInUse) == (0, 0))
    }

    @Test(
        "What comes in pieces is read to its end",
        arguments: [[], [1], [1, 55, 1], [4096], [4095, 1, 1], [100, 3996, 4000]]
    )
    func pieces(_ byteCounts: [Int]) throws {
        let memory = try SecretMemory(allowUnlocked: true)
        // Each read(2) from such a socket is one message, as was written.
        var ends: [CInt] = [0, 0]
        try #require(socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        defer { close(ends[0]) }
        var whole: [UInt8] = []
        for byteCount in byteCounts {
            let piece = pattern(byteCount, seed: byteCount)
            try #require(write(ends[1], piece, byteCount) == byteCount)
            whole += piece
        }
        close(ends[1])
        let secret = try SecretFile.read(descriptor: ends[0], byteCountMax: Self.limit, into: memory)
        #expect(secret.array == whole)
    }

    @Test(
        "What cannot be read has the reason of the system call",
        arguments: [
            ("/nonexistent/file", ENOENT), ("/", EISDIR), ("/etc/passwd/file", ENOTDIR),
            (String(repeating: "x", count: 5000), ENAMETOOLONG), ("", ENOENT), ("/proc/self/mem", EIO),
        ]
    )
    func unreadable(path: String, code: CInt) throws {
        let memory = try SecretMemory(allowUnlocked: true)
        #expect(throws: SecretFile.Failure.system(code)) {
            _ = try SecretFile.read(path: path, byteCountMax: Self.limit, into: memory).byteCount
        }
        #expect(throws: SecretFile.Failure.system(EBADF)) {
            _ = try SecretFile.read(descriptor: -1, byteCountMax: Self.limit, into: memory).byteCount
        }
    }

    @Test("A file that finds no locked memory is an error")
    func exhaustion() throws {
        let memory = try SecretMemory(slotCount: 1, heapByteCountMax: 1 << 19, allowUnlocked: true)
        let file = try TemporaryFile(pattern(1_000_000))
        #expect(throws: SecretFile.Failure.memory(.exhausted)) {
            _ = try SecretFile.read(path: file.path, byteCountMax: 2_000_000, into: memory).byteCount
        }
    }
}

/// A file that goes when its owner does.
private struct TemporaryFile: ~Copyable {
    let path: String

    init(_ contents: [UInt8]) throws {
        var template = Array("/tmp/keyside-test-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        try #require(write(descriptor, contents, contents.count) == contents.count)
        self.path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { unlink(self.path) }
}
