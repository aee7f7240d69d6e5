// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// Paths in the settings that lead to something whose opening or reading waits, or acts.
@Suite struct SpecialFileAttackTests {
    enum Kind: String, CaseIterable, Sendable {
        case fifo, socket, device, directory

        var reason: String {
            switch self {
            case .fifo: "is a FIFO; expected a regular file"
            case .socket: "is a socket; expected a regular file"
            case .device: "is a device; expected a regular file"
            case .directory: "is a directory"
            }
        }

        /// Puts one at a path, in place of a file there.
        func make(at path: String) throws {
            unsafe unlink(path)
            switch self {
            case .fifo: try #require(unsafe mkfifo(path, 0o666) == 0)
            // A listener's file outlives it.
            case .socket: _ = try UnixSocket.listener(at: path)
            case .device: try #require(unsafe symlink("/dev/zero", path) == 0)
            case .directory: try #require(unsafe mkdir(path, 0o755) == 0)
            }
        }
    }

    private let files: TLSFiles

    init() throws { self.files = try TLSFiles() }

    /// What names a file.
    private static let names = [
        "--config", "--env-file", "--tls-cert", "--tls-key", "--tls-client-ca", "KEYSIDE_CONFIG",
        "MINIO_CONFIG_ENV_FILE", "MINIO_KMS_SECRET_KEY_FILE", "MINIO_KMS_KES_CERT_FILE", "MINIO_KMS_KES_KEY_FILE",
        "CREDENTIALS_DIRECTORY",
    ]

    @Test(arguments: Self.names, Kind.allCases)
    func isRefusedAtTheStart(name: String, kind: Kind) throws {
        let folder = self.files.folder
        let path = folder(name == "CREDENTIALS_DIRECTORY" ? "minio-kms-secret-key" : "special")
        try kind.make(at: path)
        var environment = ["MINIO_KMS_SECRET_KEY": AgentSetup.knownKey]
        if ["MINIO_KMS_SECRET_KEY_FILE", "CREDENTIALS_DIRECTORY"].contains(name) || name.contains("KES") {
            environment = [:]
        }
        if name.contains("KES") {
            let certificate = folder("server.crt")
            environment = [
                "MINIO_KMS_KES_ENDPOINT": "https://127.0.0.1:1", "MINIO_KMS_KES_KEY_NAME": "my-key",
                "MINIO_KMS_KES_CERT_FILE": certificate, "MINIO_KMS_KES_KEY_FILE": folder("server.key"),
            ]
        }
        var arguments = ["run", "--socket", folder("keyside.sock")]
        if name.hasPrefix("--") {
            if name.hasPrefix("--tls") { arguments += self.files.arguments() }
            arguments += [name, path]
        } else {
            environment[name] = name == "CREDENTIALS_DIRECTORY" ? folder.path : path
        }
        let outcome = try Keyside.run(arguments, environment: environment)
        #expect(outcome.status == .exited(78), "\(outcome.error)")
        #expect(outcome.error.contains(path) && outcome.error.contains(kind.reason), "\(outcome.error)")
    }

    @Test(arguments: ["server.crt", "server.key", "config.yaml"], Kind.allCases)
    func isRefusedAtAReloadAndNothingWaits(name: String, kind: Kind) throws {
        try self.files.withAgent { agent in
            let (path, notifications) = (self.files.folder(name), agent.agent.notifications)
            let former = try contents(of: path)
            try kind.make(at: path)
            for _ in 0..<2 {
                let count = notifications.assignments.count
                try agent.agent.signal(SIGHUP)
                try notifications.wait(for: "READY=1", after: count)
            }
            #expect(try agent.agent.log.contains(kind.reason))
            #expect(try agent.ask("/v1/key/generate/my-key", "{}", as: self.files.client).status == 200)

            unsafe remove(path)
            try self.files.folder.write(former, to: name)
            let count = notifications.assignments.count
            try agent.agent.signal(SIGHUP)
            try notifications.wait(for: "READY=1", after: count)
            #expect(try agent.ask("/v1/key/generate/my-key", "{}", as: self.files.client).status == 200)
            try agent.agent.signal(SIGTERM)
            #expect(try agent.agent.waitForExit() == .exited(0))
        }
    }

    /// A shell's `<(…)`.
    @Test func anotherProcessesOutputIsRefusedWithARemedy() throws {
        let pipe = try FullPipe()
        let input = try #require(pipe.input)
        let outcome = try Keyside.run(["run", "--config", "/proc/\(getpid())/fd/\(input.number)"])
        #expect(outcome.status == .exited(78))
        #expect(outcome.error.contains("write what a shell's <(…) prints to a file first"))
    }
}
