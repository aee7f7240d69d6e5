// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How an agent is to be started. Without further words: on the known static key, in a folder of its own.
package struct AgentSetup: Sendable {
    /// The key of the published vectors, bytes 00 to 1f, under the name `my-key`.
    package static let knownKey = "my-key:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    /// Behind `keyside run --socket PATH`.
    package var arguments: [String] = []
    package var environment = ["MINIO_KMS_SECRET_KEY": Self.knownKey]
    package var account: Account?
    package var lockedMemoryMax: Int?
    package var lacksMemfdSecret = false
    /// Where to listen; nil for `keyside.sock` in the agent's own folder.
    package var socketPath: String?
    /// Whether the agent is to believe that its standard error is the journal.
    package var logsToJournal = false
    /// Its standard error; nil for a file, which `log` reads.
    package var standardError: Descriptor?
    /// A program and its arguments that executes the agent, whose command line follows: `unshare`. None by default.
    package var launcher: [String] = []

    package init() {}
}

/// A running agent. Nothing of it is left when its owner has gone.
package final class AgentProcess: Sendable {
    package let socketPath: String
    package let process: ChildProcess
    package let notifications: NotifySocket
    private let folder: TemporaryDirectory
    private let streams: StandardFiles

    /// Starts an agent and waits until it says that it is ready.
    package convenience init(_ setup: AgentSetup = AgentSetup()) throws {
        try self.init(starting: setup)
        guard try self.becomesReady() else {
            throw TestFailure.unusable("the agent ended before it was ready: \(try self.log)")
        }
    }

    /// Starts an agent and does not wait for anything.
    package init(starting setup: AgentSetup) throws {
        self.folder = try TemporaryDirectory()
        self.streams = try StandardFiles(in: self.folder)
        self.socketPath = setup.socketPath ?? self.folder("keyside.sock")
        self.notifications = try NotifySocket(at: self.folder("notify.sock"))
        if let account = setup.account {
            guard unsafe chown(self.folder.path, account.user, account.group) == 0 else {
                throw TestFailure.system("chown \(self.folder.path)")
            }
        }
        let command = setup.launcher + [try Keyside.binary(), "run", "--socket", self.socketPath] + setup.arguments
        var launch = Launch(command[0])
        launch.arguments = Array(command.dropFirst())
        launch.environment = Keyside.baseEnvironment.merging(setup.environment) { $1 }
        launch.environment["NOTIFY_SOCKET"] = self.notifications.path
        if setup.logsToJournal, let file = FileStatus(self.streams.errorPath) {
            launch.environment["JOURNAL_STREAM"] = "\(file.device):\(file.inode)"
        }
        launch.workingFolder = self.folder.path
        launch.account = setup.account
        launch.lockedMemoryMax = setup.lockedMemoryMax
        launch.lacksMemfdSecret = setup.lacksMemfdSecret
        self.process = try ChildProcess(
            launch, input: self.streams.input, output: self.streams.output,
            error: setup.standardError ?? self.streams.error)
    }

    /// Waits until it says that it is ready, or ends without.
    package func becomesReady() throws -> Bool {
        while !self.notifications.assignments.contains("READY=1") {
            let ready = try Deadline.standard.wait(
                for: POLLIN, on: [self.notifications.descriptor.number, self.process.endDescriptor],
                waitingFor: "READY=1")
            guard ready.contains(0) else { return false }
            try self.notifications.receive()
        }
        return true
    }

    /// What it has logged so far.
    package var log: String {
        get throws {
            try self.waitForLogWriter()
            return try text(of: self.streams.errorPath)
        }
    }

    /// Waits until the thread that writes the log sleeps: then every line that was queued before is written.
    private func waitForLogWriter() throws(TestFailure) {
        let deadline = Deadline.standard
        while self.process.threadStates["log-writer"] ?? "S" != "S" {
            guard !deadline.hasPassed else { throw .timedOut(waitingFor: "the log to be written") }
            sched_yield()
        }
    }

    package func connect() throws(TestFailure) -> RawConnection { try RawConnection(to: self.socketPath) }

    /// Asks one question on a connection of its own.
    package func ask(_ request: HTTPRequest) throws -> HTTPAnswer { try self.connect().ask(request) }

    package func signal(_ number: CInt) throws { try self.process.signal(number) }

    /// Signals again and again until the process has ended.
    package func signal(_ number: CInt, untilExitWithin deadline: Deadline) throws {
        while !self.process.hasEnded {
            guard !deadline.hasPassed else { throw TestFailure.timedOut(waitingFor: "the end of the agent") }
            try self.signal(number)
            sched_yield()
        }
    }

    package func waitForExit() throws -> ExitStatus { try self.process.waitForExit() }

    /// Asks until the agent counts `count` connections, the one that asks included.
    package func wait(forConnections count: Int, askingOn connection: RawConnection) throws {
        let deadline = Deadline.standard
        while try connection.ask(.get("/v1/status")).json["keyside"]["listeners"][0]["connections"].integer != count {
            guard !deadline.hasPassed else { throw TestFailure.timedOut(waitingFor: "\(count) connections") }
        }
    }
}

/// Starts an agent for the time of `body`.
package func withAgent<Result>(
    _ configure: (inout AgentSetup) throws -> Void = { _ in }, body: (AgentProcess) throws -> Result
) throws -> Result {
    var setup = AgentSetup()
    try configure(&setup)
    let agent = try AgentProcess(setup)
    defer { agent.process.kill() }
    return try body(agent)
}
