// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport
import Testing

/// Paths that an operator names.
@Suite(.timeLimit(.minutes(5))) struct RegularFileTests {
    private let folder: TemporaryDirectory

    init() throws { self.folder = try TemporaryDirectory() }

    private func failure(at path: String) -> RegularFile.Failure? {
        do throws(RegularFile.Failure) {
            _ = try RegularFile(at: path)
            return nil
        } catch {
            return error
        }
    }

    @Test func aFileIsOpenedForReading() throws {
        let path = try self.folder.write("content", to: "file")
        let file = try RegularFile(at: path)
        #expect(file.byteCount == 7)
        var bytes = [UInt8](repeating: 0, count: 10)
        #expect(read(file.descriptor.number, &bytes, 10) == 7)
    }

    @Test func aLinkToAFileIsFollowed() throws {
        try self.folder.write("content", to: "file")
        symlink("file", self.folder("link"))
        #expect(try RegularFile(at: self.folder("link")).byteCount == 7)
    }

    @Test func everythingElseIsRefusedAtOnce() throws {
        mkfifo(self.folder("fifo"), 0o600)
        symlink("fifo", self.folder("link"))
        #expect(self.failure(at: self.folder("fifo")) == .notRegular(.fifo))
        #expect(self.failure(at: self.folder("link")) == .notRegular(.fifo))
        #expect(self.failure(at: self.folder.path) == .notRegular(.directory))
        #expect(self.failure(at: "/dev/zero") == .notRegular(.device))
    }

    @Test func aMissingFileIsTold() {
        guard case .system(let error) = self.failure(at: self.folder("missing")) else {
            Issue.record("there is no such file")
            return
        }
        #expect(error.code == ENOENT)
    }
}
