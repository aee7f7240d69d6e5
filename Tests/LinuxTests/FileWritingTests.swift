// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport
import Testing

@Suite("Files that are written as a whole")
struct FileWritingTests {
    private let folder: TemporaryDirectory

    init() throws { self.folder = try TemporaryDirectory() }

    private func write(_ text: String, to path: String, mode: UInt32 = 0o600, replacing: Bool = false) throws {
        try Files.write(Array(text.utf8).span, to: path, mode: mode, replacing: replacing)
    }

    @Test(
        "a file has the permissions that it is to have, whatever the umask", arguments: [UInt32(0o600), 0o644, 0o666])
    func permissions(mode: UInt32) throws {
        try self.write("text", to: self.folder("f"), mode: mode)
        #expect(FileStatus(self.folder("f"))?.mode == mode)
        #expect(try text(of: self.folder("f")) == "text")
    }

    @Test("a file that is there stays, unless it is to be replaced")
    func replacing() throws {
        let path = try self.folder.write("old", to: "f", mode: 0o644)
        #expect { try self.write("new", to: path) } throws: { ($0 as? SystemError)?.code == EEXIST }
        #expect(try text(of: path) == "old")
        try self.write("new", to: path, replacing: true)
        #expect(try text(of: path) == "new")
        #expect(FileStatus(path)?.mode == 0o600)
        #expect(try Files.names(in: self.folder.path) == ["f"])
    }

    @Test("nothing is left of a file that cannot be put in its place")
    func failure() throws {
        try self.folder.makeFolder("f")
        #expect(throws: SystemError.self) { try self.write("new", to: self.folder("f"), replacing: true) }
        #expect(try Files.names(in: self.folder.path) == ["f"])
        #expect(throws: SystemError.self) { try self.write("new", to: self.folder("none/f")) }
    }

    @Test("a link that leads nowhere is not followed")
    func links() throws {
        #expect(unsafe symlink(self.folder("target"), self.folder("f")) == 0)
        #expect(Files.exists(self.folder("f")) && !Files.exists(self.folder("target")))
        #expect(throws: SystemError.self) { try self.write("text", to: self.folder("f")) }
        #expect(!Files.exists(self.folder("target")))
    }

    @Test("a folder is made with those above it")
    func folders() throws {
        try Files.makeDirectory(self.folder("a/b/c"))
        try Files.makeDirectory(self.folder("a/b/c"))
        #expect(try FileKind(at: self.folder("a/b/c")) == .directory)
        #expect(throws: SystemError.self) { try Files.makeDirectory("/proc/keyside") }
    }
}
