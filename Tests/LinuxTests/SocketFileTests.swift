// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

/// Sockets with names: who gets them, who may connect, and who takes them away.
@Suite(.timeLimit(.minutes(5))) struct SocketFileTests {
    private let folder: TemporaryDirectory

    init() throws { self.folder = try TemporaryDirectory() }

    private var path: String { self.folder("agent.sock") }

    private func make(
        _ path: String? = nil, mode: UInt32 = 0o660, owner: String? = nil, group: String? = nil
    ) throws(SocketFileError) -> ServedSocket {
        try ServedSocket(SocketSettings(path: path ?? self.path, mode: mode, owner: owner, group: group))
    }

    /// Why there is no socket; nil if there is one.
    private func refusal(_ path: String? = nil, owner: String? = nil, group: String? = nil) -> SocketFileError? {
        do throws(SocketFileError) {
            _ = try self.make(path, owner: owner, group: group)
            return nil
        } catch {
            return error
        }
    }

    // MARK: A place of its own

    @Test func aSocketListens() throws {
        let socket = try self.make()
        #expect(socket.file.path == self.path)
        #expect(connect(to: self.path) == 0)
    }

    @Test(
        "the mode is what was asked for, whatever the mask", arguments: [0o600, 0o660, 0o666, 0o777, 0o000] as [UInt32])
    func mode(mode: UInt32) throws {
        let socket = try self.make(mode: mode)
        let status = try #require(FileStatus(socket.file.path))
        #expect(status.kind == .socket)
        #expect(status.mode == mode)
        #expect(status.owner == geteuid())
        #expect(status.group == getegid())
    }

    @Test(
        "owner and group go by name and by number", .enabled(if: geteuid() == 0),
        arguments: [
            (nil, nil, 0, 0), ("nobody", nil, 65534, 0), (nil, "daemon", 0, 1), ("65534", "1", 65534, 1),
            ("root", "nogroup", 0, 65534), ("4711", "4712", 4711, 4712),
        ] as [(String?, String?, uid_t, gid_t)])
    func ownership(owner: String?, group: String?, uid: uid_t, gid: gid_t) throws {
        let socket = try self.make(mode: 0o620, owner: owner, group: group)
        let status = try #require(FileStatus(socket.file.path))
        #expect(status.owner == uid)
        #expect(status.group == gid)
        #expect(status.mode == 0o620)
    }

    @Test func foldersThatAreMissingAreMade() throws {
        let path = self.folder("a/b/c/agent.sock")
        let socket = try self.make(path)
        #expect(connect(to: socket.file.path) == 0)
        let status = try #require(FileStatus(self.folder("a/b")))
        #expect(status.kind == .folder)
        #expect(status.mode & 0o022 == 0)
    }

    @Test func theLongestPathWorks() throws {
        let path = "\(self.folder.path)/" + String(repeating: "s", count: 107 - self.folder.path.utf8.count - 1)
        #expect(path.utf8.count == 107)
        let socket = try self.make(path)
        #expect(connect(to: socket.file.path) == 0)
        #expect(self.refusal(path + "s") == .invalidPath(path: path + "s"))
    }

    // MARK: Places that will not do

    @Test(
        "paths that are none",
        arguments: [
            "", "agent.sock", "@abstract", "\0abstract", "/tmp/a\0b", "/tmp/" + String(repeating: "ä", count: 60),
        ])
    func invalid(path: String) {
        #expect(self.refusal(path) == .invalidPath(path: path))
    }

    @Test("what is no socket is left alone", arguments: ["directory", "file", "symbolic link", "pipe"])
    func notASocket(kind: String) throws {
        switch kind {
        case "directory": try #require(mkdir(self.path, 0o700) == 0)
        case "file": try #require(close(creat(self.path, 0o600)) == 0)
        case "symbolic link": try #require(symlink(self.folder("nowhere"), self.path) == 0)
        case _: try #require(mkfifo(self.path, 0o600) == 0)
        }
        let before = try #require(FileStatus(self.path))
        #expect(self.refusal() == .notASocket(path: self.path, kind: kind))
        #expect(FileStatus(self.path)?.inode == before.inode)
    }

    @Test func aDeviceIsNoSocketEither() {
        #expect(self.refusal("/dev/null") == .notASocket(path: "/dev/null", kind: "device"))
    }

    @Test func aLinkToALiveSocketIsNotFollowed() throws {
        let socket = try self.make()
        let link = self.folder("link")
        try #require(symlink(socket.file.path, link) == 0)
        #expect(self.refusal(link) == .notASocket(path: link, kind: "symbolic link"))
    }

    @Test func accountsThatDoNotExist() {
        #expect(self.refusal(owner: "no-such-user") == .unknownUser("no-such-user"))
        #expect(self.refusal(group: "no-such-group") == .unknownGroup("no-such-group"))
        #expect(FileStatus(self.path) == nil)
    }

    @Test func aFileInPlaceOfTheFolder() throws {
        let file = self.folder("file")
        try #require(close(creat(file, 0o600)) == 0)
        #expect(self.refusal("\(file)/agent.sock")?.systemError?.code == ENOTDIR)
        #expect(self.refusal("\(file)/more/agent.sock")?.systemError?.code == ENOTDIR)
    }

    @Test func aFolderThatCannotBeMade() {
        // Not even root makes folders there.
        let error = self.refusal("/proc/keyside/agent.sock")?.systemError
        #expect(error?.call == "create directory")
        #expect(error?.subject == "/proc/keyside")
        #expect(error?.code == ENOENT)
    }

    @Test("a folder that one may not write to", .enabled(if: geteuid() == 0))
    func unwritableFolder() async throws {
        try #require(chmod(self.folder.path, 0o755) == 0)
        let error = try asNobody { self.refusal()?.systemError }
        #expect(error?.code == EACCES)
        #expect(error?.isPermission == true)
        #expect(error?.description == "bind \(self.path): Permission denied")
    }

    @Test("a socket that cannot be given away leaves nothing behind", .enabled(if: geteuid() == 0))
    func cannotBeGivenAway() throws {
        try #require(chmod(self.folder.path, 0o777) == 0)
        let error = try asNobody { self.refusal(owner: "root")?.systemError }
        #expect(error?.call == "chown")
        #expect(error?.code == EPERM)
        #expect(FileStatus(self.path) == nil)
    }

    // MARK: Taking over

    @Test func whatADeadProcessLeftIsTakenOver() throws {
        let dead = try self.make()
        let inode = try #require(FileStatus(self.path)).inode
        dead.stop()
        #expect(connect(to: self.path) == ECONNREFUSED)
        #expect(FileStatus(self.path)?.inode == inode)

        let socket = try self.make(mode: 0o600)
        #expect(connect(to: socket.file.path) == 0)
        #expect(FileStatus(self.path)?.mode == 0o600)
    }

    @Test func aLiveSocketIsNotTakenOver() throws {
        let live = try self.make()
        let inode = try #require(FileStatus(self.path)).inode
        #expect(self.refusal() == .inUse(path: self.path))
        #expect(FileStatus(self.path)?.inode == inode)
        #expect(connect(to: live.file.path) == 0)
    }

    @Test("a live socket that this user may not connect to is not taken over", .enabled(if: geteuid() == 0))
    func liveSocketOfSomebodyElse() throws {
        try #require(chmod(self.folder.path, 0o777) == 0)
        let live = try self.make(mode: 0o600)
        let error = try asNobody { self.refusal() }
        #expect(error == .inUse(path: self.path))
        #expect(connect(to: live.file.path) == 0)
    }

    @Test func ofManyCreatorsOneWins() async throws {
        // Each round begins with a name that a dead process left, which is where a race would show.
        for _ in 0..<20 {
            try self.make().stop()
            let place = SocketSettings(path: self.path, mode: 0o660)
            let outcomes = await withTaskGroup(of: Result<ServedSocket, SocketFileError>.self) { creators in
                for _ in 0..<16 {
                    creators.addTask {
                        await onThread { Result { () throws(SocketFileError) in try ServedSocket(place) } }
                    }
                }
                return await creators.reduce(into: []) { $0.append($1) }
            }
            let winners = outcomes.compactMap { try? $0.get() }
            #expect(winners.count == 1)
            #expect(outcomes.filter { $0.error == .inUse(path: self.path) }.count == 15)
            #expect(connect(to: self.path) == 0)
            let winner = try #require(winners.first)
            winner.file.removeName()
            #expect(FileStatus(self.path) == nil)
        }
    }

    @Test func theNameNeverHasOtherPermissionsThanItsOwn() async throws {
        // Between bind(2) and chmod(2) the mask alone would leave 0755.
        let path = self.path
        let modes = try await self.modes(seenWhileSocketsAreMade: { FileStatus(path)?.mode })
        #expect(modes.isSubset(of: [0, 0o660]))
    }

    @Test func theMaskOfTheProcessIsNotTouched() async throws {
        let probe = self.folder("probe")
        let modes = try await self.modes(seenWhileSocketsAreMade: {
            close(creat(probe, 0o666))
            defer { unlink(probe) }
            return FileStatus(probe)?.mode
        })
        #expect(modes.count == 1)
    }

    /// The permissions that `look` finds on another thread while this one makes sockets, until it has found some often.
    private func modes(seenWhileSocketsAreMade look: @escaping @Sendable () -> UInt32?) async throws -> Set<UInt32> {
        let sightings = Atomic(0)
        let isOver = Atomic(false)
        async let modes = onThread {
            var modes: Set<UInt32> = []
            while !isOver.load(ordering: .relaxed) {
                guard let mode = look() else { continue }
                modes.insert(mode)
                sightings.add(1, ordering: .relaxed)
            }
            return modes
        }
        defer { isOver.store(true, ordering: .relaxed) }
        while sightings.load(ordering: .relaxed) < 500 {
            for _ in 0..<100 { try self.make(mode: 0o660).file.removeName() }
            await Task.yield()  // To the thread's start, which may wait for this one.
        }
        isOver.store(true, ordering: .relaxed)
        return await modes
    }

    // MARK: The end

    @Test func theNameGoesAwayAndConnectionsStay() throws {
        let socket = try self.make()
        let connection = try UnixSocket.connection(to: self.path)
        socket.file.removeName()
        #expect(FileStatus(self.path) == nil)
        let accepted = accept(socket.file.descriptor, nil, nil)
        defer { close(accepted) }
        #expect(write(accepted, "x", 1) == 1)
        #expect(try connection.read(atMost: 1) == Array("x".utf8))
    }

    @Test func aSuccessorKeepsItsName() throws {
        let old = try self.make()
        old.file.removeName()
        old.stop()
        let new = try self.make()
        old.file.removeName()
        #expect(connect(to: new.file.path) == 0)
    }

    @Test func aNameThatSomebodyElsePutInItsPlaceIsLeftAlone() throws {
        let old = try self.make()
        try #require(unlink(self.path) == 0)
        let new = try self.make()
        old.file.removeName()
        #expect(connect(to: new.file.path) == 0)
    }

    @Test func aNameIsRemovedOnce() throws {
        // The second time it may be a successor's, of the same inode if the file system is quick to use it again.
        let socket = try self.make()
        let other = self.folder("other")
        try #require(link(self.path, other) == 0)
        socket.file.removeName()
        try #require(rename(other, self.path) == 0)
        socket.file.removeName()
        #expect(FileStatus(self.path) != nil)
    }

    @Test func whatReplacedTheNameIsLeftAlone() throws {
        let socket = try self.make()
        try #require(unlink(self.path) == 0)
        try #require(close(creat(self.path, 0o600)) == 0)
        socket.file.removeName()
        #expect(FileStatus(self.path) != nil)
    }
}
