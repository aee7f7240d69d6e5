// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// `keyside check` on the TLS listener: its files as clients will judge them, with file and setting.
@Suite struct CheckTLSTests {
    private let folder: TemporaryFolder

    init() throws {
        self.folder = try TemporaryFolder()
        let authority = try TestAuthority()
        try authority.issueServer(validity: .from(-60, to: 90 * 24 * 3600)).write(to: self.folder.path, as: "server")
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
