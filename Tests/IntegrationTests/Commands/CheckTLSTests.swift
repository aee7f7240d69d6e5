// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// `keyside check` on the TLS listener: its files as clients will judge them, with file and setting.
@Suite struct CheckTLSTests {
    private let folder: TemporaryDirectory

    init() throws {
        self.folder = try TemporaryDirectory()
        let authority = try TestAuthority()
        try authority.issueServer(validity: .from(-60, to: 90 * 24 * 3600)).write(to: self.folder.path, as: "server")
        try authority.issueServer(validity: .from(-60, to: 29 * 24 * 3600)).write(to: self.folder.path, as: "ending")
        try authority.issueServer(validity: .expired).write(to: self.folder.path, as: "expired")
        try self.folder.write(authority.certificate, to: "ca.crt")
    }

    private func check(_ arguments: [String]) throws -> Keyside.Outcome {
        let config = try self.folder.write(
            "admin: {identities: [\(String(repeating: "1f", count: 32))]}\n", to: "config.yaml")
        return try Keyside.run(
            ["check", "--config", config, "--tls-listen", "127.0.0.1:7373"] + arguments,
            environment: ["MINIO_KMS_SECRET_KEY": AgentSetup.knownKey])
    }

    private func flags(_ cert: String, _ key: String) -> [String] {
        ["--tls-cert", self.folder(cert), "--tls-key", self.folder(key)]
    }

    @Test func whatIsInOrderIsValid() throws {
        let outcome = try self.check(
            self.flags("server.crt", "server.key") + ["--tls-client-ca", self.folder("ca.crt")])
        #expect(outcome.status == .exited(0), "\(outcome.output)")
        #expect(outcome.output.hasSuffix("the configuration is valid\n"))
        #expect(outcome.output.contains("--tls-client-ca"))
        #expect(!outcome.output.contains("warning"))
        #expect(outcome.output.contains("\nlistener's certificate: valid until 2"))
    }

    @Test func whatEndsWithinAMonthIsWarnedOf() throws {
        let flags = self.flags("ending.crt", "ending.key")
        let outcome = try self.check(flags)
        #expect(outcome.status == .exited(0))
        #expect(
            outcome.output.contains("tls.cert: \(self.folder("ending.crt")): warning: the certificate expires at 2"),
            "\(outcome.output)")
        #expect(outcome.output.hasSuffix("the configuration is valid, 1 warning\n"))
        let json = try JSONValue(try self.check(flags + ["--output", "json"]).output)
        let end = try #require(json["listener_valid_until"].string)
        #expect(outcome.output.contains("listener's certificate: valid until \(end)\n"))
        #expect(json["valid_until"] == .null, "a static key needs no certificate")
    }

    @Test func whatIsNotNamesSettingAndFile() throws {
        for (arguments, message) in [
            (self.flags("none.crt", "server.key"), "tls.cert: \(self.folder("none.crt")): error: cannot be read"),
            (
                self.flags("server.crt", "expired.key"),
                "tls.key: \(self.folder("expired.key")): error: the private key does"
            ),
            (
                self.flags("expired.crt", "expired.key"),
                "tls.cert: \(self.folder("expired.crt")): error: the certificate exp"
            ),
            (
                self.flags("server.crt", "server.key") + ["--tls-client-ca", self.folder("server.key")],
                "tls.client_ca: \(self.folder("server.key")): error: contains no PEM certificate"
            ),
            ([], "--tls-listen: error: 'tls.listen' needs 'tls.cert'"),
        ] {
            let outcome = try self.check(arguments)
            #expect(outcome.status == .exited(78))
            #expect(outcome.output.contains(message), "\(outcome.output)")
        }
    }
}
