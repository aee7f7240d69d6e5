// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// The socket's place in the file system: made as wanted, taken over from the dead, never from the living.
@Suite struct SocketFileTests {
    private let folder: TemporaryDirectory

    init() throws { self.folder = try TemporaryDirectory() }

    @Test func aMissingFolderIsMadeWithItsParents() throws {
        let path = self.folder("a/b/c/keyside.sock")
        try withAgent {
            $0.socketPath = path
        } body: { agent in
            try expectService(by: agent)
            #expect(FileStatus(self.folder("a/b/c"))?.kind == .folder)
        }
    }

    @Test(arguments: ["0660", "0600", "0666", "0620"])
    func theModeIsAsSet(mode: String) throws {
        try withAgent {
            $0.arguments = ["--socket-mode", mode]
        } body: { agent in
            #expect(FileStatus(agent.socketPath)?.mode == UInt32(mode, radix: 8))
        }
    }

    @Test func withoutAWordTheModeIs0660AndTheOwnerWhoRunsIt() throws {
        let status = try #require(FileStatus(try SharedAgent.running.socketPath))
        #expect(
            status.kind == .socket && status.mode == 0o660 && status.owner == geteuid() && status.group == getegid())
    }

    @Test(.enabled(if: Account.isRoot, "needs root to give a socket away"), arguments: [false, true])
    func ownerAndGroupAreAsSet(byNumber: Bool) throws {
        let (owner, group) = byNumber ? ("65534", "4242") : ("nobody", Account.nobody.groupName)
        try withAgent {
            $0.environment["KEYSIDE_SOCKET_OWNER"] = owner
            $0.arguments = ["--socket-group", group]
        } body: { agent in
            let status = try #require(FileStatus(agent.socketPath))
            #expect(status.owner == (byNumber ? 65534 : Account.nobody.user))
            #expect(status.group == (byNumber ? 4242 : Account.nobody.group))
            #expect(status.mode == 0o660)
        }
    }

    @Test(arguments: ["--socket-owner", "--socket-group"])
    func anUnknownAccountIsRefused(flag: String) throws {
        let outcome = try self.run([flag, "no-such-account"])
        #expect(outcome.status == .exited(78))
        #expect(outcome.error.contains("no-such-account"))
        #expect(FileStatus(self.folder("keyside.sock")) == nil)
    }

    @Test func theSocketOfAKilledAgentIsTakenOver() throws {
        let path = self.folder("keyside.sock")
        try withAgent {
            $0.socketPath = path
        } body: { agent in
            try agent.signal(SIGKILL)
            #expect(try agent.waitForExit() == .killed(SIGKILL))
        }
        #expect(FileStatus(path)?.kind == .socket, "a killed process cannot tidy up")
        try withAgent {
            $0.socketPath = path
        } body: { agent in
            try expectService(by: agent)
        }
    }

    @Test func aSecondAgentOnALiveSocketIsRefusedAndTheFirstGoesOn() throws {
        try withAgent {
            $0.socketPath = self.folder("keyside.sock")
        } body: { first in
            let connection = try first.connect()
            let status = FileStatus(first.socketPath)
            let outcome = try self.run()
            #expect(outcome.status == .exited(78))
            #expect(outcome.error.contains(first.socketPath) && outcome.error.contains("listens"))
            #expect(FileStatus(first.socketPath) == status)
            #expect(try connection.ask(.generate()).isDataKey)
            try expectService(by: first)
        }
    }

    /// Neither may think that the other is dead, nor take away the name that the other has just made.
    @Test func ofManyAgentsStartedAtOnceOneWins() throws {
        var setup = AgentSetup()
        setup.socketPath = self.folder("keyside.sock")
        // Something to take over, which makes it harder.
        try withAgent {
            $0.socketPath = setup.socketPath
        } body: { agent in
            try agent.signal(SIGKILL)
            _ = try agent.waitForExit()
        }
        let agents = try (0..<6).map { _ in try AgentProcess(starting: setup) }
        let winners = try agents.filter { try $0.becomesReady() }
        #expect(winners.count == 1)
        for agent in agents where !winners.contains(where: { $0 === agent }) {
            #expect(try agent.waitForExit() == .exited(78))
        }
        try expectService(by: try #require(winners.first))
    }

    /// An agent that ends removes its own socket, and not the one that another has put in its place.
    @Test func theNameIsRemovedOnlyByItsOwner() throws {
        let path = self.folder("keyside.sock")
        try withAgent {
            $0.socketPath = path
        } body: { first in
            try withAgent {
                $0.socketPath = self.folder("other.sock")
            } body: { second in
                let status = FileStatus(second.socketPath)
                #expect(unsafe rename(second.socketPath, path) == 0)
                try first.signal(SIGTERM)
                #expect(try first.waitForExit() == .exited(0))
                #expect(FileStatus(path) == status)
            }
        }
    }

    @Test func whatIsNoSocketIsLeftAlone() throws {
        let file = try self.folder.write("precious", to: "file")
        let subfolder = try self.folder.makeFolder("folder")
        #expect(unsafe symlink("/nowhere", self.folder("link")) == 0)
        for path in [file, subfolder, self.folder("link")] {
            let before = FileStatus(path)
            let outcome = try self.run(socket: path)
            #expect(outcome.status == .exited(78))
            #expect(outcome.error.contains(path) && outcome.error.contains("expected a socket"), "\(outcome.error)")
            #expect(FileStatus(path) == before)
        }
        #expect(try text(of: file) == "precious")
    }

    @Test(arguments: ["@keyside", "", "relative.sock", "/tmp/\(String(repeating: "a", count: 104))"])
    func aPathThatIsNoSocketPathIsRefused(path: String) throws {
        let outcome = try self.run(socket: path)
        #expect(outcome.status == .exited(78))
        #expect(outcome.error.contains("socket"))
    }

    @Test func thePathsLongestFormWorks() throws {
        let name = String(repeating: "a", count: 107 - self.folder.path.utf8.count - 1)
        try withAgent {
            $0.socketPath = self.folder(name)
        } body: { agent in
            try expectService(by: agent)
        }
    }

    @Test(.enabled(if: Account.isRoot, "needs root to become nobody"), arguments: ["keyside.sock", "new/keyside.sock"])
    func aFolderThatCannotBeWrittenIsNotPermitted(name: String) throws {
        let outcome = try self.run(socket: self.folder(name)) { $0.account = .nobody }
        #expect(outcome.status == .exited(77))
        #expect(outcome.error.contains(self.folder.path) && outcome.error.lowercased().contains("permission denied"))
        #expect(FileStatus(self.folder(name)) == nil)
    }

    /// Runs an agent that is not to start.
    private func run(
        _ arguments: [String] = [], socket: String? = nil, configure: (inout Launch) -> Void = { _ in }
    ) throws -> Keyside.Outcome {
        try Keyside.run(
            ["run", "--socket", socket ?? self.folder("keyside.sock")] + arguments,
            environment: ["MINIO_KMS_SECRET_KEY": AgentSetup.knownKey], configure: configure)
    }
}
