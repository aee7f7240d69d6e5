// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FakeKES
import Glibc
import KESProtocol
import KeyService
import NIOPosix
import TestSupport

/// `keyside-fake-kes`: a KES server for tests and benchmarks, never for keys that matter.
@main struct FakeKESCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyside-fake-kes",
        abstract: "A KES server for tests and benchmarks. Its keys are lost when it ends.",
        discussion: """
            Prints the variables that an object store or agent needs, as soon as it listens.

            A fault is one of: delay=2ms, hold, reset=before|in|after, truncated, garbage, drip=1ms, \
            'status=502 failed to read key', body={}, content-type=text/html, missing=plaintext, larger=2000000, goaway, refused; \
            behind it on=decrypt,generate, every=10, times=3. Or it is one of the connection: \
            certificate=expired|not-yet-valid|other-name|other-authority, handshake=hangs|closes|resets, connections=10, \
            resumption=off, http=1.1|2, tls=1.2|1.3, verify-clients.

            While it runs: curl --unix-socket PATH http://x/faults -T - (also -X DELETE), http://x/state, and \
            -X POST http://x/release, /drain, /reset, /forget.
            """)

    @Option(help: "Where to listen, HOST:PORT. Port 0 is any that is free.")
    var listen = "127.0.0.1:7373"

    @Option(
        help: ArgumentHelp("Folder of ca, server and client as .crt and .key, and client.apikey.", valueName: "dir"))
    var tls: String

    @Option(help: "How long every answer takes, as 2ms.")
    var delay: String?

    @Option(help: ArgumentHelp("A key, NAME or NAME:BASE64. The first is the default key. [my-key]", valueName: "key"))
    var key: [String] = []

    @Option(help: "What goes wrong from the start. May be given several times.")
    var fault: [String] = []

    @Option(help: ArgumentHelp("Unix socket to change faults by while it runs.", valueName: "path"))
    var control: String?

    @Flag(help: "Let everybody do everything, without a certificate too: for load generators that have none.")
    var skipAuth = false

    @Option(help: "Event loops.")
    var threads = 2

    func run() async throws {
        guard let colon = self.listen.lastIndex(of: ":"), let port = Int(self.listen[colon...].dropFirst()) else {
            throw ValidationError("--listen wants HOST:PORT")
        }
        var setup = FakeKES.Setup()
        setup.host = self.listen[..<colon].filter { $0 != "[" && $0 != "]" }
        setup.port = port
        setup.group = MultiThreadedEventLoopGroup(numberOfThreads: self.threads)
        let credentials = try Credentials(in: self.tls, names: Self.names(of: setup.host))
        setup.credentials = credentials
        let server = try await FakeKES.start(setup)
        let keyNames = try self.key.map { try Self.put($0, into: server.keys) }
        server.disturbances = try self.disturbances()
        server.access.skipsAuthentication = self.skipAuth
        if let control { try await server.serveControl(at: control) }
        self.printVariables(
            credentials, endpoint: server.endpoint, keyName: keyNames.first ?? FakeKES.knownKeyName)
        while true { try await Task.sleep(for: .seconds(86_400)) }
    }

    private func disturbances() throws -> Disturbances {
        var disturbances = Disturbances()
        for fault in self.fault { try disturbances.add(fault) }
        if let delay { try disturbances.add("delay=\(delay)") }
        return disturbances
    }

    /// The names that the server's certificate is for.
    private static func names(of host: String) -> [String] {
        guard !["localhost", "127.0.0.1", "::1", "0.0.0.0", "::"].contains(host) else {
            return TestAuthority.localNames
        }
        let isAddress = host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." }
        return TestAuthority.localNames + [isAddress ? "IP:\(host)" : "DNS:\(host)"]
    }

    private static func put(_ text: String, into keys: KeyStore) throws -> String {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard let first = parts.first else { throw ValidationError("--key wants NAME or NAME:BASE64") }
        let name = try KeyName(kes: Array(first.utf8).span)
        if parts.count == 2 {
            guard let bytes = [UInt8](base64: parts[1]), bytes.count == 32 else {
                throw ValidationError("the key '\(first)' is not the base64 of 32 bytes")
            }
            try keys.put(name, bytes: bytes)
        } else if first != FakeKES.knownKeyName {
            try keys.put(name)
        }
        return first
    }

    private func printVariables(_ credentials: Credentials, endpoint: String, keyName: String) {
        let folder = unsafe realpath(self.tls, nil)
            .map { path in
                defer { unsafe free(path) }
                return unsafe String(cString: path)
            }
        let byKey = credentials.environment(endpoints: endpoint, keyName: keyName, folder: folder ?? self.tls)
        let byFile = credentials.environment(
            endpoints: endpoint, keyName: keyName, folder: folder ?? self.tls, proof: .certificate)
        for (name, value) in byKey.sorted(by: { $0.key < $1.key }) { print("\(name)=\(value)") }
        print("# or, in place of the API key:")
        for (name, value) in byFile.sorted(by: { $0.key < $1.key }) where byKey[name] == nil {
            print("# \(name)=\(value)")
        }
        fflush(nil)
    }
}
