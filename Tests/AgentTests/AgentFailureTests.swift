// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockedMemory
import Testing

@testable import Agent
@testable import Linux

/// Why an agent did not start: what a service manager makes of it, and what the operator is to do.
@Suite struct AgentFailureTests {
    @Test(
        "a socket that could not be made",
        arguments: [
            (.inUse(path: "/run/a"), .configuration, "/run/a", "--socket"),
            (.notASocket(path: "/run/a", kind: "directory"), .configuration, "found a directory", "--socket"),
            (.invalidPath(path: "a"), .configuration, "absolute path", "107 bytes"),
            (.unknownUser("u"), .configuration, "socket.owner", "'u'"),
            (.unknownGroup("g"), .configuration, "socket.group", "'g'"),
        ] as [(SocketFileError, AgentFailure.Kind, String, String)])
    func sockets(error: SocketFileError, kind: AgentFailure.Kind, what: String, remedy: String) {
        let failure = AgentFailure(error)
        #expect(failure.kind == kind)
        #expect(failure.message.contains(what))
        #expect(failure.message.contains(remedy))
    }

    @Test(
        "a system call that failed",
        arguments: [
            (
                "/proc/keyside/agent.sock", .inputOutput,
                "cannot create directory /proc/keyside: No such file or directory"
            )
        ] as [(String, AgentFailure.Kind, String)])
    func systemCalls(path: String, kind: AgentFailure.Kind, message: String) {
        do throws(SocketFileError) {
            let socket = try SocketFile(at: SocketSettings(path: path, mode: 0o600))
            close(socket.descriptor)
            Issue.record("a socket in \(path)")
        } catch {
            #expect(AgentFailure(error) == AgentFailure(kind, message))
        }
    }

    @Test("a TLS listener that could not be made")
    func listeners() throws {
        let address = try #require(ListenAddress("192.0.2.1:7373"))
        for (error, kind, what, remedy) in [
            (.inUse(address), .configuration, "another process listens at 192.0.2.1:7373", "--tls-listen"),
            (.notLocal(address), .configuration, "has the address of 192.0.2.1:7373", "use 127.0.0.1:7373"),
            (.notPermitted(address), .notPermitted, "cannot listen at 192.0.2.1:7373", "CAP_NET_BIND_SERVICE"),
            (
                .system(SystemError("listen on", "\(address)", code: EMFILE)), .inputOutput,
                "cannot listen on 192.0.2.1:7373", "Too many open files"
            ),
        ] as [(TCPListenerError, AgentFailure.Kind, String, String)] {
            let failure = AgentFailure(error)
            #expect(failure.kind == kind)
            #expect(failure.message.hasPrefix("tls.listen: "))
            #expect(failure.message.contains(what) && failure.message.contains(remedy), "\(failure.message)")
        }
    }

    @Test("memory that could not be locked", arguments: [(65_536 as Int?, "64 KiB"), (nil, "unlimited")])
    func memory(limit: Int?, text: String) {
        let failure = AgentFailure(.cannotLock(byteCount: 1 << 20, limit: limit, code: ENOMEM))
        #expect(failure.kind == .configuration)
        for part in ["1024 KiB", "RLIMIT_MEMLOCK is \(text)", "LimitMEMLOCK=", "memory.allow_unlocked"] {
            #expect(failure.message.contains(part))
        }
    }
}
