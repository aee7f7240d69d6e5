// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// No secret in any log, however much is logged and whatever goes wrong.
@Suite struct LogSecrecyTests {
    struct Form: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var arguments: [String] = []
        var toJournal = false
    }

    @Test(arguments: [
        Form(testDescription: "text"), Form(testDescription: "journal", toJournal: true),
        Form(testDescription: "JSON", arguments: ["--log-format", "json"]),
    ])
    func noSecretIsLoggedEvenAtTrace(form: Form) throws {
        let key = [UInt8].random(32)
        let password = [UInt8].random(24)
        try withAgent {
            $0.environment["MINIO_KMS_SECRET_KEY"] = "log-key:\(key.base64)"
            $0.environment["MINIO_ROOT_PASSWORD"] = password.base64
            $0.environment["MINIO_KMS_API_KEYS"] = "k1:\(password.base64)"  // Misspelt, so there is a word about it.
            $0.arguments = ["--log-level", "trace"] + form.arguments
            $0.logsToJournal = form.toJournal
        } body: { agent in
            let secrets = try [key, password] + Self.useSecrets(of: agent)
            try agent.signal(SIGTERM)
            #expect(try agent.waitForExit() == .exited(0))
            let log = try agent.log
            #expect(log.contains("MINIO_KMS_API_KEYS") && log.contains("request answered"))
            #expect(Self.secrets(secrets, in: log) == [])
        }
    }

    /// An agent that does not start says why, and has read its secrets by then.
    @Test(arguments: ["text", "json"])
    func noSecretIsLoggedByAnAgentThatDoesNotStart(format: String) throws {
        let secrets = [[UInt8].random(32), .random(31), .random(32)]
        let folder = try TemporaryDirectory()
        let file = try folder.write("log-key:\(secrets[0].base64)\n\(secrets[0].base64)", to: "key")
        let environments = [
            ["MINIO_KMS_SECRET_KEY": "log-key:\(secrets[1].base64)"],
            ["MINIO_KMS_SECRET_KEY": secrets[2].base64], ["MINIO_KMS_SECRET_KEY": "log-key=\(secrets[2].base64)"],
            ["MINIO_KMS_SECRET_KEY_FILE": file], ["MINIO_KMS_SECRET_KEY_FILE": secrets[2].base64],
        ]
        for environment in environments {
            let outcome = try Keyside.run(
                ["run", "--socket", folder("s"), "--log-level", "trace", "--log-format", format],
                environment: environment)
            #expect(outcome.status == .exited(78) && !outcome.error.isEmpty)
            #expect(Self.secrets(secrets, in: outcome.output + outcome.error) == [])
        }
    }

    @Test func theSearchFindsWhatIsThere() {
        let secret = [UInt8].random(32)
        for text in [secret.base64, secret.hex(), secret.hex(uppercase: true)] {
            #expect(Self.secrets([secret], in: "before \(text.prefix(20)) after") == [secret])
        }
        #expect(Self.secrets([secret], in: "before \(secret.base64.prefix(15)) after") == [])
    }

    /// Asks well and badly, and returns all that may not be known to others.
    private static func useSecrets(of agent: AgentProcess) throws -> [[UInt8]] {
        let connection = try agent.connect()
        var secrets: [[UInt8]] = []
        for round in 0..<100 {
            let dataKey = try connection.ask(.generate("log-key", context: [UInt8(round)]))
            secrets.append(try #require(dataKey.bytes("plaintext")))
            let ciphertext = try #require(dataKey.bytes("ciphertext"))
            _ = try connection.ask(.decrypt("log-key", ciphertext: ciphertext, context: [UInt8(round)]))
            let plaintext = [UInt8].random(32)
            secrets.append(plaintext)
            _ = try connection.ask(.encrypt("log-key", plaintext: plaintext))
            _ = try connection.ask(.post("/v1/key/encrypt/log-key", "{\"plaintext\":\"\(plaintext.base64)\""))
            _ = try connection.ask(.get("/v1/key/\(plaintext.hex())"))
            _ = try agent.ask(.get("/version?key=\(plaintext.hex())"))
        }
        return secrets
    }

    /// Those of which 16 characters stand in the text: base64 or hexadecimal, from the beginning.
    private static func secrets(_ secrets: [[UInt8]], in text: String) -> [[UInt8]] {
        let bytes = Array(text.utf8)
        let windows = Set((0...max(0, bytes.count - 16)).map { bytes[$0..<min(bytes.count, $0 + 16)] })
        return secrets.filter { secret in
            [secret.base64, secret.hex(), secret.hex(uppercase: true)]
                .contains {
                    windows.contains(Array($0.utf8)[0..<16])
                }
        }
    }
}
