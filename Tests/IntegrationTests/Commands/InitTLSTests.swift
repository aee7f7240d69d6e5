// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// `keyside tls init`: files that other programs accept, and settings that the agent accepts.
@Suite struct InitTLSTests {
    private static let names = ["ca.crt", "client.apikey", "server.crt", "server.key"]

    private let folder: TemporaryDirectory

    init() throws { self.folder = try TemporaryDirectory() }

    private func make(_ arguments: [String] = []) throws -> Keyside.Outcome {
        try Keyside.run(["tls", "init", self.folder("tls")] + arguments)
    }

    private func identity() throws -> String {
        let key = try text(of: self.folder("tls/client.apikey"))
        return try TestAPIKey(text: String(key.dropLast())).identity
    }

    @Test func theCertificateIsGoodForTheNamesAndNoOthers() throws {
        let outcome = try self.make(["--host", "node-1.example.net", "--host", "10.1.2.3", "--host", "fd00::1"])
        #expect(outcome.status == .exited(0) && outcome.error.isEmpty, "\(outcome)")
        for name in Self.names {
            let mode: UInt32 = name.hasSuffix(".crt") ? 0o644 : 0o600
            #expect(FileStatus(self.folder("tls/\(name)"))?.mode == mode)
        }
        func verify(_ option: String, _ name: String) throws {
            try OpenSSLCommand.run(
                "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "tls/ca.crt", option, name,
                "tls/server.crt", in: self.folder)
        }
        for name in ["localhost", "node-1.example.net"] { try verify("-verify_hostname", name) }
        for address in ["127.0.0.1", "::1", "10.1.2.3", "fd00::1"] { try verify("-verify_ip", address) }
        #expect(throws: TestFailure.self) { try verify("-verify_hostname", "example.net") }
        try OpenSSLCommand.run("pkey", "-in", "tls/server.key", "-check", "-noout", in: self.folder)
    }

    @Test func theGuideSaysWhatToPutWhereAndNoSecret() throws {
        let outcome = try self.make()
        let identity = try self.identity()
        for part in [
            "identity: \(identity)\n", "  listen: 127.0.0.1:7373\n", "  cert: \(self.folder("tls/server.crt"))\n",
            "      - /v1/key/generate/*\n", "      - \(identity)\n", "MINIO_KMS_KES_ENDPOINT=https://127.0.0.1:7373\n",
            "MINIO_KMS_KES_API_KEY=$(cat \(self.folder("tls/client.apikey")))\n",
            "MINIO_KMS_KES_CAPATH=\(self.folder("tls/ca.crt"))\n",
            "MINIO_KMS_KES_ENDPOINT=https://127.0.0.1:7373,https://kes.example.net:7373\n",
        ] {
            #expect(outcome.output.contains(part), "\(part)")
        }
        let key = try text(of: self.folder("tls/client.apikey")).dropFirst(7).dropLast()
        #expect(!outcome.output.contains(key))
    }

    @Test func theSettingsOfTheGuideAreInOrderAndLetTheClientIn() throws {
        let json = try JSONValue(try self.make(["--output", "json"]).output)
        let identity = try self.identity()
        #expect(json["identity"].string == identity)
        #expect(json["ca"].string == self.folder("tls/ca.crt"))
        #expect(json["environment"]["MINIO_KMS_KES_ENDPOINT"].string == "https://127.0.0.1:7373")
        let config = try self.folder.write(json["settings"].string ?? "", to: "config.yaml")
        let check = try Keyside.run(
            ["check", "--config", config], environment: ["MINIO_KMS_SECRET_KEY": AgentSetup.knownKey])
        #expect(check.status == .exited(0), "\(check.output)")
        #expect(check.output.hasSuffix("the configuration is valid\n"))
        for (path, status) in [("/v1/key/decrypt/my-key", Int32(0)), ("/v1/key/delete/my-key", 77)] {
            let test = try Keyside.run(
                ["policy", "test", "--config", config, "--identity", identity, "--api", path])
            #expect(test.status == .exited(status))
        }
    }

    @Test func filesThatAreThereStayUnlessToldOtherwise() throws {
        #expect(try self.make().status == .exited(0))
        let before = try Self.names.map { try text(of: self.folder("tls/\($0)")) }
        let refused = try self.make()
        #expect(refused.status == .exited(1) && refused.error.contains("tls/ca.crt: the file exists"))
        #expect(try Self.names.map { try text(of: self.folder("tls/\($0)")) } == before)

        #expect(try self.make(["--force"]).status == .exited(0))
        let after = try Self.names.map { try text(of: self.folder("tls/\($0)")) }
        // The client stays who it is.
        #expect(zip(before, after).map { $0 == $1 } == [false, true, false, false])

        try self.folder.write("nonsense", to: "tls/client.apikey")
        let damaged = try self.make(["--force"])
        #expect(damaged.status == .exited(1) && damaged.error.contains("client.apikey: kes: invalid API key"))
    }

    @Test(.enabled(if: Account.isRoot, "needs root to become nobody"))
    func aFolderThatCannotBeWrittenToIsNamed() throws {
        try self.folder.makeFolder("tls", mode: 0o755)
        let outcome = try Keyside.run(["tls", "init", self.folder("tls")]) { $0.account = .nobody }
        #expect(outcome.status == .exited(74) && outcome.error.contains(self.folder("tls")), "\(outcome)")
        let missing = try Keyside.run(["tls", "init", "/proc/keyside/tls"])
        #expect(missing.status == .exited(74) && missing.error.contains("/proc/keyside"))
    }

    @Test(arguments: ["", "a b", "a,DNS:b", "-a", "1.2.3", "127.0.0.1:80", "[::1]", "a..b"])
    func aHostThatIsNoneIsWrongUsage(host: String) throws {
        let outcome = try self.make(["--host", host])
        #expect(outcome.status == .exited(64) && outcome.error.contains("--host"))
        #expect(FileStatus(self.folder("tls")) == nil)
    }
}
