// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

@testable import Linux

/// Changes as administrators and programs make them.
struct DirectoryWatchTests {
    enum Change: String, Sendable, CaseIterable {
        case writtenInPlace
        case appended
        case renamedOver
        case removed
        case removedAndMadeAgain
        case madeUnreadable
        case dataLinkSwapped
        case folderReplaced
        case folderOfALinkReplaced
        case madeLater
        case folderMadeLater
        case addedToAFolder
        case removedFromAFolder

        /// What is watched, in a folder of its own.
        var path: String {
            switch self {
            case .writtenInPlace, .appended, .renamedOver, .removed, .removedAndMadeAgain, .madeUnreadable: "a/file"
            case .dataLinkSwapped: "tls.crt"
            case .folderReplaced: "a/file"
            case .folderOfALinkReplaced: "link/file"
            case .madeLater: "a/later"
            case .folderMadeLater: "b/c/file"
            case .addedToAFolder, .removedFromAFolder: "a"
            }
        }

        func make(in folder: TemporaryDirectory) throws {
            switch self {
            case .writtenInPlace:
                try folder.write("new", to: "a/file")
            case .appended:
                let file = try #require(fopen(folder("a/file"), "a"))
                fputs("more", file)
                fclose(file)
            case .renamedOver:
                try folder.write("new", to: "a/new")
                rename(folder("a/new"), folder("a/file"))
            case .removed, .removedFromAFolder:
                unlink(folder("a/file"))
            case .removedAndMadeAgain:
                unlink(folder("a/file"))
                try folder.write("new", to: "a/file")
            case .madeUnreadable:
                chmod(folder("a/file"), 0)
            case .dataLinkSwapped:
                try folder.makeFolder("..2")
                try folder.write("new", to: "..2/tls.crt")
                symlink("..2", folder("..data_tmp"))
                rename(folder("..data_tmp"), folder("..data"))
            case .folderReplaced, .folderOfALinkReplaced:
                try folder.makeFolder("new")
                try folder.write("new", to: "new/file")
                rename(folder("a"), folder("old"))
                rename(folder("new"), folder("a"))
            case .madeLater:
                try folder.write("new", to: "a/later")
            case .folderMadeLater:
                try folder.makeFolder("b")
                try folder.makeFolder("b/c")
                try folder.write("new", to: "b/c/file")
            case .addedToAFolder:
                try folder.write("new", to: "a/another")
            }
        }
    }

    let folder: TemporaryDirectory

    init() throws {
        self.folder = try TemporaryDirectory()
        try self.folder.makeFolder("a")
        try self.folder.write("old", to: "a/file")
        try self.folder.makeFolder("..1")
        try self.folder.write("old", to: "..1/tls.crt")
        symlink("..1", self.folder("..data"))
        symlink("..data/tls.crt", self.folder("tls.crt"))
        symlink("a", self.folder("link"))
    }

    /// The kernel has queued a change's events when the call returns that made it, so nothing need be waited for.
    @Test("A change is seen, and so is the next one at the same place", arguments: Change.allCases)
    func change(_ change: Change) throws {
        var watches = try InotifyWatches([self.folder(change.path)])
        defer { watches.close() }
        #expect(!look(&watches))
        try change.make(in: self.folder)
        #expect(look(&watches))
        #expect(!look(&watches))
        chmod(self.folder("a/file"), 0o644)
        _ = look(&watches)
        try self.folder.write("newest", to: change.path == "a" ? "a/file" : change.path)
        #expect(look(&watches))
    }

    @Test("What goes on beside it is not")
    func others() throws {
        var watches = try InotifyWatches([self.folder("a/file")])
        defer { watches.close() }
        try self.folder.write("new", to: "a/other")
        unlink(self.folder("a/other"))
        try self.folder.makeFolder("b")
        try self.folder.write("new", to: "..1/tls.crt")
        #expect(!look(&watches))
    }

    @Test("A folder that was replaced is no longer watched")
    func replaced() throws {
        var watches = try InotifyWatches([self.folder("a/file")])
        defer { watches.close() }
        try Change.folderReplaced.make(in: self.folder)
        #expect(look(&watches))
        try self.folder.write("newer", to: "old/file")
        #expect(!look(&watches))
    }

    @Test("So many changes at once that the kernel loses count are one change")
    func overflow() throws {
        var watches = try InotifyWatches([self.folder("a")])
        defer { watches.close() }
        for index in 0..<20_000 { try self.folder.write("", to: "a/\(index % 100)") }
        #expect(look(&watches))
        #expect(!look(&watches))
    }

    @Test("A watch feeds its stream until it is given up", .timeLimit(.minutes(5)))
    func stream() async throws {
        var watch: DirectoryWatch? = try DirectoryWatch([self.folder("a/file")])
        let changes = try #require(watch?.changes)
        var iterator = changes.makeAsyncIterator()
        try self.folder.write("new", to: "a/file")
        #expect(await iterator.next() != nil)
        watch = nil
        while await iterator.next() != nil {}
    }
}

/// Macros cannot call what mutates.
private func look(_ watches: inout InotifyWatches) -> Bool { watches.takeEvents() }
