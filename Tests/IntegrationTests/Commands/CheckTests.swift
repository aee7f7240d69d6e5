// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// `keyside check`: everything that is wrong at once, where it stands and what to do, and never a secret.
@Suite struct CheckTests {
    private static let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    private func check(
        _ environment: [String: String], _ arguments: [String] = [], configure: (inout Launch) -> Void = { _ in }
    ) throws -> Keyside.Outcome {
        try Keyside.run(["check"] + arguments, environment: environment, configure: configure)
    }

    @Test func aValidConfigurationIsShownWithItsSources() throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("limits:\n  connections: 7\nlog:\n  level: debug\n", to: "config.yaml")
        let outcome = try self.check(
            [
                "MINIO_KMS_SECRET_KEY": "my-key:\(Self.key)", "KEYSIDE_LOG_LEVEL": "warning",
                "MINIO_KMS_AUTO_ENCRYPTION": "on",
            ],
            ["--config", file, "--socket-mode", "0600"])
        #expect(outcome.status == .exited(0) && outcome.error.isEmpty)
        func line(_ name: String) -> [Substring] {
            let line = outcome.output.split(separator: "\n").first { $0.drop { $0 == " " }.hasPrefix(name + " ") }
            return line?.split(separator: " ") ?? []
        }
        #expect(line("limits.connections") == ["limits.connections", "7", "\(file):2:3"])
        #expect(line("log.level") == ["log.level", "warning", "environment"])
        #expect(line("socket.mode") == ["socket.mode", "0600", "--socket-mode"])
        #expect(line("limits.header_timeout") == ["limits.header_timeout", "5s", "default"])
        #expect(line("MINIO_KMS_SECRET_KEY").last == "environment")
        #expect(line("MINIO_KMS_AUTO_ENCRYPTION").prefix(2) == ["MINIO_KMS_AUTO_ENCRYPTION", "on"])
        #expect(outcome.output.contains("my-key") && !outcome.output.contains(Self.key.prefix(12)))
    }

    @Test func programsReadTheSameAsJSON() throws {
        let outcome = try self.check(["MINIO_KMS_SECRET_KEY": "my-key:\(Self.key)"], ["--output", "json"])
        #expect(outcome.status == .exited(0))
        let json = try JSONValue(outcome.output)
        #expect(json["valid"].bool == true)
        #expect(json["key_name"].string == "my-key" && json["backend"].string == "static key")
        #expect(json["diagnostics"] == .array([]))
        let modes = json["settings"].elements.filter { $0["name"].string == "socket.mode" }
        #expect(modes.count == 1 && modes[0]["value"].string == "0660" && modes[0]["source"].string == "default")
    }

    static let kes = ["MINIO_KMS_KES_ENDPOINT": "https://kes:7373", "MINIO_KMS_KES_KEY_NAME": "k"]

    /// What the object store itself says of the same environment, and the variable that it is about.
    @Test(
        arguments: [
            ([:], "MINIO_KMS_KES_ENDPOINT"),
            (["MINIO_KMS_SECRET_KEY": ""], "empty"),
            (
                Self.kes.merging(["MINIO_KMS_SECRET_KEY": "k:\(Self.key)"]) { $1 },
                "kms: configuration for MinIO KES and static KMS key is present"
            ),
            (
                ["MINIO_KMS_SERVER": "kms", "MINIO_KMS_KES_ENDPOINT": ""],
                "kms: configuration for MinIO KMS and MinIO KES is present"
            ),
            (["MINIO_KMS_SERVER": "kms"], "missing 'MINIO_KMS_ENCLAVE'"),
            (["MINIO_KMS_KES_ENDPOINT": "https://kes:7373"], "missing 'MINIO_KMS_KES_KEY_NAME'"),
            (Self.kes, "missing authentication method"),
            (Self.kes.merging(["MINIO_KMS_KES_API_KEY": ""]) { $1 }, "MINIO_KMS_KES_API_KEY"),
            (["MINIO_KMS_SECRET_KEY": "k:\([UInt8](repeating: 7, count: 31).base64)"], "kms: invalid key length 31"),
            (["MINIO_KMS_SECRET_KEY": "abc"], "kms: invalid secret key format"),
            (["MINIO_KMS_SECRET_KEY": "k:????"], "illegal base64 data at input byte 0"),
            (["MINIO_KMS_SECRET_KEY": ":\(Self.key)"], "MINIO_KMS_SECRET_KEY"),
            (["MINIO_KMS_SECRET_KEY_FILE": "/nowhere/key"], "/nowhere/key"),
            (["MINIO_KMS_SECRET_KEY_FILE": "/etc"], "is a directory"),
        ]
    )
    func whatIsWrongIsNamed(environment: [String: String], message: String) throws {
        let outcome = try self.check(environment)
        #expect(outcome.status == .exited(78))
        #expect(outcome.output.contains(": error: ") && outcome.output.contains(message), "\(outcome.output)")
        // The agent agrees, and says so on standard error.
        let agent = try Keyside.run(["run", "--socket", "/nonexistent/x"], environment: environment)
        #expect(agent.status == .exited(78) && agent.output.isEmpty && agent.error.contains(message))
    }

    @Test func everythingThatIsWrongIsSaidAtOnce() throws {
        let folder = try TemporaryDirectory()
        let config = try folder.write(
            "socket:\n  mode: rw\ncolour: red\nlimits:\n  connections: many\n", to: "config.yaml")
        let variables = try folder.write("A=1\nMINIO_KMS_KES_CERT_FILE=\nMINIO_KMS_SERVRE=x\n", to: "env")
        let outcome = try self.check(
            [
                "MINIO_KMS_SECRET_KEY": "k:\([UInt8](repeating: 9, count: 16).base64)",
                "KEYSIDE_LIMITS_IDLE_TIMEOUT": "never",
            ],
            ["--config", config, "--env-file", variables, "--log-level", "loud", "--output", "json"])
        #expect(outcome.status == .exited(78))
        let diagnostics = try JSONValue(outcome.output)["diagnostics"].elements
        func said(_ severity: String, _ place: String, _ text: String) -> Bool {
            diagnostics.contains {
                $0["severity"].string == severity && $0["place"].string?.hasPrefix(place) == true
                    && [$0["message"], $0["remedy"]].contains { $0.string?.contains(text) == true }
            }
        }
        #expect(said("error", "\(config):2", "socket.mode"))
        #expect(said("error", "\(config):3", "colour"))
        #expect(said("error", "\(config):5", "limits.connections"))
        #expect(said("error", "--log-level", "loud"))
        #expect(said("error", "KEYSIDE_LIMITS_IDLE_TIMEOUT", "never"))
        #expect(said("error", "MINIO_KMS_SECRET_KEY", "kms: invalid key length 16"))
        #expect(said("error", "\(variables):2", ""))
        #expect(said("warning", "\(variables):3", "MINIO_KMS_SERVER"))
        #expect(
            diagnostics.filter { $0["severity"].string == "error" }.allSatisfy { $0["remedy"].string?.isEmpty == false }
        )
    }

    @Test(.enabled(if: Account.isRoot, "needs root to become nobody"))
    func aKeyFileThatCannotBeReadIsNamed() throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("k:\(Self.key)", to: "key", mode: 0o600)
        let outcome = try self.check(["MINIO_KMS_SECRET_KEY_FILE": file]) { $0.account = .nobody }
        #expect(outcome.status == .exited(78))
        #expect(outcome.output.contains("MINIO_KMS_SECRET_KEY_FILE") && outcome.output.contains("permission denied"))
    }

    @Test(arguments: ["env", "config-env"])
    func aFileThatIsNoneIsNamedWithItsLine(kind: String) throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("# fine\nMINIO_KMS_SECRET_KEY=k:\(Self.key)\nsecret nonsense\n", to: "env")
        let outcome =
            try kind == "env" ? self.check([:], ["--env-file", file]) : self.check(["MINIO_CONFIG_ENV_FILE": file])
        #expect(outcome.status == .exited(78))
        #expect(outcome.output.contains("\(file):3"))
        let missing = try self.check([:], ["--env-file", folder("none")])
        #expect(missing.status == .exited(78) && missing.output.contains(folder("none")))
    }

    /// Whatever is wrong with them, values that may be secret are not repeated.
    @Test func noSecretIsEverShown() throws {
        let secrets = (0..<6).map { _ in [UInt8].random(33).base64 }
        let environments = [
            ["MINIO_KMS_SECRET_KEY": "k:\(secrets[0])"],
            ["MINIO_KMS_SECRET_KEY": secrets[0]],
            Self.kes.merging([
                "MINIO_KMS_KES_API_KEY": "kes:v1:\(secrets[1])", "MINIO_KMS_KES_KEY_PASSWORD": secrets[2],
            ]) { $1 },
            ["MINIO_KMS_SERVER": "kms", "MINIO_KMS_API_KEY": "k1:\(secrets[3])", "MINIO_ROOT_PASSWORD": secrets[4]],
            ["MINIO_KMS_SECRET": secrets[5], "MINIO_KMS_API_KEYS": secrets[0]],
        ]
        for environment in environments {
            for command in [["check"], ["check", "--output", "json"], ["run", "--log-level", "trace"]] {
                let outcome = try Keyside.run(command, environment: environment)
                #expect(outcome.status == .exited(78))
                for secret in secrets {
                    #expect(!outcome.output.contains(secret.prefix(12)) && !outcome.error.contains(secret.prefix(12)))
                }
            }
        }
    }
}
