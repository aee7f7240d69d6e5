// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// `keyside policy test`: the decision, the reason, and a status that scripts can go by.
@Suite struct PolicyCommandTests {
    private static let known = String(repeating: "1f", count: 32)
    private static let admin = String(repeating: "2e", count: 32)
    private static let stranger = String(repeating: "3d", count: 32)

    private let folder: TemporaryDirectory
    private let config: String

    init() throws {
        self.folder = try TemporaryDirectory()
        self.config = try self.folder.write(
            """
            admin:
              identities: [\(Self.admin)]
            policy:
              minio:
                allow: ["/v1/key/decrypt/*", "/v1/key/list/*", /v1/status]
                deny: ["/v1/key/decrypt/secret*"]
                identities: [\(Self.known)]
            """, to: "config.yaml")
    }

    private func test(_ identity: String, _ path: String, _ arguments: [String] = []) throws -> Keyside.Outcome {
        try Keyside.run(
            ["policy", "test", "--config", self.config, "--identity", identity, "--api", path] + arguments)
    }

    @Test(
        arguments: [
            (known, "/v1/key/decrypt/a", "policy 'minio' allows '/v1/key/decrypt/*'"),
            (known, "/v1/key/decrypt/%61?x=1", "policy 'minio' allows '/v1/key/decrypt/*'"),
            (known, "/v1/key/list", "policy 'minio' allows '/v1/key/list/*'"),
            (known.uppercased(), "/v1/status", "policy 'minio' allows '/v1/status'"),
            (admin, "/v1/key/delete/a", "'admin.identities' has the identity \(admin), which may request everything"),
            (stranger, "/version", "'/version' is open to every client"),
            (stranger, "/v1/ready", "'/v1/ready' is open to every client"),
        ])
    func whatIsAllowedIsExplained(identity: String, path: String, reason: String) throws {
        let outcome = try self.test(identity, path)
        #expect(
            outcome.status == .exited(0) && outcome.output == "decision: allowed\nreason: \(reason)\n", "\(outcome)")
    }

    @Test(
        arguments: [
            (
                known, "/v1/key/decrypt/secret-1",
                "policy 'minio' denies '/v1/key/decrypt/secret*', which overrides 'allow'"
            ),
            (known, "/v1/key/delete/a", "policy 'minio' allows nothing that '/v1/key/delete/a' matches"),
            (stranger, "/v1/status", "no policy has the identity \(stranger) in its 'identities'"),
        ])
    func whatIsDeniedIsExplained(identity: String, path: String, reason: String) throws {
        let outcome = try self.test(identity, path)
        #expect(outcome.status == .exited(77) && outcome.error.isEmpty)
        #expect(outcome.output == "decision: denied\nreason: \(reason)\n")
    }

    @Test func programsReadTheSameAsJSON() throws {
        let json = try JSONValue(try self.test(Self.known, "/v1/key/decrypt/a", ["--output", "json"]).output)
        #expect(json["allowed"].bool == true && json["policy"].string == "minio")
        #expect(json["pattern"].string == "/v1/key/decrypt/*" && json["path"].string == "/v1/key/decrypt/a")
        let denied = try self.test(Self.stranger, "/v1/api", ["--output", "json"])
        #expect(denied.status == .exited(77))
        #expect(try JSONValue(denied.output)["allowed"].bool == false)
    }

    @Test func usersAreNotThereYet() throws {
        let outcome = try Keyside.run(["policy", "test", "--user", "minio", "--api", "/v1/status"])
        #expect(outcome.status == .exited(1) && outcome.error.contains("this version has no policies for users"))
    }

    @Test(arguments: ["v1/status", "*", "/v1//status", "/v1/%zz"])
    func aPathThatIsNoneIsWrongUsage(path: String) throws {
        #expect(try self.test(Self.known, path).status == .exited(64))
    }

    @Test func wrongUsageAndSettingsAreSaid() throws {
        #expect(try self.test("abc", "/v1/status").status == .exited(64))
        #expect(try Keyside.run(["policy", "test", "--api", "/v1/status"]).status == .exited(64))
        let config = try self.folder.write("policy: {a: {alow: []}}", to: "bad.yaml")
        let outcome = try Keyside.run(
            ["policy", "test", "--config", config, "--identity", Self.known, "--api", "/v1/status"])
        #expect(outcome.status == .exited(78) && outcome.error.contains("did you mean 'policy.a.allow'?"))
    }
}
