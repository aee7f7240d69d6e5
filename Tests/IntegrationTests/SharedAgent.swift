// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport

/// One agent on the known key for all the tests that leave no traces in one, with both listeners. It ends with the tests.
///
/// By TLS its clients are an administrator, who may do what everybody may on the socket.
enum SharedAgent {
    private struct Started {
        let files: TLSFiles
        let agent: TLSAgent
    }

    private static let started: Result<Started, any Error> = Result {
        _ = atexit { try? SharedAgent.running.process.kill() }
        let files = try TLSFiles()
        var setup = AgentSetup()
        setup.arguments = files.arguments()
        setup.environment["KEYSIDE_ADMIN_IDENTITIES"] = files.client.identity
        let agent = try TLSAgent(try AgentProcess(setup), trusting: files.authority.certificate)
        return Started(files: files, agent: agent)
    }

    static var running: AgentProcess { get throws { try self.started.get().agent.agent } }

    static func connect(by way: Way) throws -> any HTTPTestConnection {
        let started = try self.started.get()
        return try started.agent.connect(by: way, as: started.files.client)
    }

    /// - Precondition: a way of HTTP/1.1.
    static func connectRaw(by way: Way) throws -> RawConnection {
        precondition(!way.isHTTP2, "HTTP/2 is not written by hand")
        let started = try self.started.get()
        return try started.agent.connectRaw(by: way, as: started.files.client)
    }

    /// A connection of somebody without any rights.
    static func connectAsStranger(by way: Way) throws -> any HTTPTestConnection {
        let started = try self.started.get()
        return try started.agent.connect(by: way, as: try started.files.authority.issueClient("stranger"))
    }

    /// Asks one question on a connection of its own.
    static func ask(by way: Way, _ request: HTTPRequest) throws -> HTTPAnswer {
        try self.connect(by: way).ask(request)
    }
}
