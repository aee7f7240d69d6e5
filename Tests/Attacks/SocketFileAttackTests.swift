// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// The socket file of a running agent is removed, replaced, or taken by another process.
@Suite struct SocketFileAttackTests {
    private let folder: TemporaryDirectory
    private let path: String

    init() throws {
        self.folder = try TemporaryDirectory()
        try self.folder.makeFolder("run")
        self.path = self.folder("run/keyside.sock")
    }

    private func withAgent(
        _ configure: (inout AgentSetup) -> Void = { _ in }, body: (AgentProcess) throws -> Void
    ) throws {
        try TestSupport.withAgent {
            $0.socketPath = self.path
            configure(&$0)
        } body: {
            try body($0)
        }
    }

    private func waitForService(by agent: AgentProcess) throws {
        try agent.wait(for: "the socket") { (try? agent.ask(.generate()).isDataKey) ?? false }
    }

    /// What can befall the file.
    enum Damage: String, CaseIterable, Sendable {
        case removed
        case movedAway
        case replacedByADeadSocket
        case directoryRemoved
        case directoryReplaced

        func make(at path: String, in folder: TemporaryDirectory) throws {
            switch self {
            case .removed: try #require(unsafe unlink(path) == 0)
            case .movedAway: try #require(unsafe rename(path, folder("moved")) == 0)
            case .replacedByADeadSocket:
                // Bound and closed at once.
                do { _ = try UnixSocket.listener(at: folder("dead")) }
                try #require(unsafe rename(folder("dead"), path) == 0)
            case .directoryRemoved:
                try #require(unsafe unlink(path) == 0 && rmdir(folder("run")) == 0)
            case .directoryReplaced:
                try folder.makeFolder("new")
                try #require(unsafe rename(folder("run"), folder("old")) == 0)
                try #require(unsafe rename(folder("new"), folder("run")) == 0)
            }
        }
    }

    @Test(arguments: Damage.allCases)
    func isMadeAgainAndOpenConnectionsStay(damage: Damage) throws {
        try self.withAgent {
            $0.arguments = ["--socket-mode", "0620"]
            if Account.isRoot { $0.arguments += ["--socket-group", Account.nobody.groupName] }
        } body: { agent in
            let before = try #require(FileStatus(self.path))
            let connection = try agent.connect()
            #expect(try connection.ask(.generate()).isDataKey)
            try damage.make(at: self.path, in: self.folder)
            try self.waitForService(by: agent)
            #expect(try connection.ask(.generate()).isDataKey)
            let after = try #require(FileStatus(self.path))
            #expect(after.mode == before.mode && after.owner == before.owner && after.group == before.group)
            #expect(try agent.log.contains("socket file removed or replaced"))

            try agent.signal(SIGTERM)
            #expect(try agent.waitForExit() == .exited(0))
            #expect(FileStatus(self.path) == nil, "the new file is the agent's too")
        }
    }

    @Test func isMadeAgainAsOftenAsItIsRemoved() throws {
        try self.withAgent { agent in
            for _ in 0..<5 {
                #expect(unsafe unlink(self.path) == 0)
                try self.waitForService(by: agent)
            }
        }
    }

    @Test func isLeftToAnotherProcessThatListensUntilThatIsGone() throws {
        try self.withAgent { agent in
            let connection = try agent.connect()
            #expect(try connection.ask(.generate()).isDataKey)
            do {
                let other = try UnixSocket.listener(at: self.folder("other"))
                #expect(unsafe rename(self.folder("other"), self.path) == 0)
                let status = FileStatus(self.path)
                try agent.wait(for: "the error") { try agent.log.contains("another process listens on this socket") }
                #expect(FileStatus(self.path) == status)
                withExtendedLifetime(other) {}
            }
            #expect(try connection.ask(.generate()).isDataKey)
            try self.waitForService(by: agent)
            #expect(try agent.log.split(separator: "\n").count { $0.contains("another process listens") } == 1)
        }
    }

    @Test func isNotRemovedAtTheEndIfItIsAnothers() throws {
        try self.withAgent { agent in
            let other = try UnixSocket.listener(at: self.folder("other"))
            #expect(unsafe rename(self.folder("other"), self.path) == 0)
            let status = FileStatus(self.path)
            try agent.signal(SIGTERM)
            #expect(try agent.waitForExit() == .exited(0))
            #expect(FileStatus(self.path) == status)
            withExtendedLifetime(other) {}
        }
    }

    @Test func aFileInItsPlaceIsLeftAlone() throws {
        try self.withAgent { agent in
            #expect(unsafe unlink(self.path) == 0)
            // The agent may be faster.
            while true {
                let file = try self.folder.write("precious", to: "file")
                guard unsafe rename(file, self.path) == 0 else { throw TestFailure.unusable("no file") }
                if FileStatus(self.path)?.kind == .file { break }
            }
            try agent.wait(for: "the error") { try agent.log.contains("expected a socket or nothing, found a file") }
            #expect(try text(of: self.path) == "precious")
            try agent.signal(SIGTERM)
            #expect(try agent.waitForExit() == .exited(0))
            #expect(try text(of: self.path) == "precious")
        }
    }
}
