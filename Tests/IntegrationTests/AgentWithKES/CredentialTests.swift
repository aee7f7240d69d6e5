// SPDX-License-Identifier: Apache-2.0

import FakeKES
import TestSupport
import Testing

extension AgentWithKESTests {
    /// What operators name wrongly: `keyside check` and `keyside run` say the same of it, and neither tries a server.
    @Suite struct CredentialTests {
        /// A set of files and variables that works, for a cluster that is nowhere.
        struct Configuration {
            let folder: TemporaryDirectory
            let credentials: Credentials
            var environment: [String: String]

            init(_ proof: Credentials.Proof) throws {
                self.folder = try TemporaryDirectory()
                self.credentials = try Credentials()
                try self.credentials.write(to: self.folder.path)
                self.environment = self.credentials.environment(
                    endpoints: "https://127.0.0.1:1", folder: self.folder.path, proof: proof)
            }

            var certificate: TestKeyPair { self.credentials.client }

            func encryptKey(password: String) throws {
                try OpenSSLCommand.run(
                    "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", "client.key", "-out", "encrypted.key", "-passout",
                    "pass:\(password)", in: self.folder)
                try overwrite(self.folder("client.key"), with: try text(of: self.folder("encrypted.key")))
            }
        }

        struct Mistake: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let proof: Credentials.Proof
            /// What has to be said of it.
            let words: [String]
            let make: @Sendable (inout Configuration) throws -> Void

            init(
                _ name: String, _ proof: Credentials.Proof = .certificate, says words: String...,
                make: @escaping @Sendable (inout Configuration) throws -> Void
            ) {
                self.testDescription = name
                self.proof = proof
                self.words = words
                self.make = make
            }
        }

        static let errors = [
            Mistake("endpoint without a scheme", says: "MINIO_KMS_KES_ENDPOINT", "write https://kes:7373") {
                $0.environment["MINIO_KMS_KES_ENDPOINT"] = "kes:7373"
            },
            Mistake("endpoint without TLS", says: "MINIO_KMS_KES_ENDPOINT", "KES servers speak TLS only") {
                $0.environment["MINIO_KMS_KES_ENDPOINT"] = "http://kes:7373"
            },
            Mistake("braces that do not expand", says: "MINIO_KMS_KES_ENDPOINT", "write a range such as {1...4}") {
                $0.environment["MINIO_KMS_KES_ENDPOINT"] = "https://kes{1,2}:7373"
            },
            Mistake("range that goes backwards", says: "MINIO_KMS_KES_ENDPOINT", "write the smaller number first") {
                $0.environment["MINIO_KMS_KES_ENDPOINT"] = "https://kes{4...1}:7373"
            },
            Mistake("API key that is too short", .apiKey, says: "MINIO_KMS_KES_API_KEY", "33") {
                $0.environment["MINIO_KMS_KES_API_KEY"] = "kes:v1:\([UInt8](repeating: 0, count: 32).base64)"
            },
            Mistake("API key that is too long", .apiKey, says: "MINIO_KMS_KES_API_KEY", "33") {
                $0.environment["MINIO_KMS_KES_API_KEY"] = "kes:v1:\([UInt8](repeating: 0, count: 34).base64)"
            },
            Mistake("API key of another type", .apiKey, says: "MINIO_KMS_KES_API_KEY", "unsupported type") {
                $0.environment["MINIO_KMS_KES_API_KEY"] = "kes:v1:\([UInt8](repeating: 1, count: 33).base64)"
            },
            Mistake("API key that is no base64", .apiKey, says: "MINIO_KMS_KES_API_KEY", "illegal base64") {
                $0.environment["MINIO_KMS_KES_API_KEY"] = "kes:v1:????"
            },
            Mistake("key and certificate swapped", says: "MINIO_KMS_KES_CERT_FILE", "swapped?") {
                $0.environment["MINIO_KMS_KES_CERT_FILE"] = $0.folder("client.key")
                $0.environment["MINIO_KMS_KES_KEY_FILE"] = $0.folder("client.crt")
            },
            Mistake("key of another certificate", says: "MINIO_KMS_KES_KEY_FILE", "does not belong to the certificate")
            {
                try overwrite($0.folder("client.key"), with: try TestKeyKind.p256.makeKey())
            },
            Mistake("certificate that is not there", says: "MINIO_KMS_KES_CERT_FILE", "/nowhere", "cannot be read") {
                $0.environment["MINIO_KMS_KES_CERT_FILE"] = "/nowhere"
            },
            Mistake("key that is not there", says: "MINIO_KMS_KES_KEY_FILE", "/nowhere", "cannot be read") {
                $0.environment["MINIO_KMS_KES_KEY_FILE"] = "/nowhere"
            },
            Mistake("key that is a folder", says: "MINIO_KMS_KES_KEY_FILE", "is a directory") {
                $0.environment["MINIO_KMS_KES_KEY_FILE"] = $0.folder.path
            },
            Mistake("key that is cut off", says: "MINIO_KMS_KES_KEY_FILE", "does not end") {
                try overwrite($0.folder("client.key"), with: String($0.certificate.key.prefix(80)))
            },
            Mistake("no password", says: "MINIO_KMS_KES_KEY_PASSWORD", "encrypted") {
                try $0.encryptKey(password: "correct horse")
            },
            Mistake("wrong password", says: "MINIO_KMS_KES_KEY_PASSWORD", "the password is wrong") {
                try $0.encryptKey(password: "correct horse")
                $0.environment["MINIO_KMS_KES_KEY_PASSWORD"] = "wrong mule"
            },
            Mistake("no way to prove oneself", says: "missing authentication method") {
                $0.environment["MINIO_KMS_KES_CERT_FILE"] = nil
                $0.environment["MINIO_KMS_KES_KEY_FILE"] = nil
            },
            Mistake("two ways to prove oneself", says: "MINIO_KMS_KES_API_KEY", "client certificate is present") {
                $0.environment["MINIO_KMS_KES_API_KEY"] = $0.credentials.apiKey.text
            },
            Mistake("authorities that are none", says: "MINIO_KMS_KES_CAPATH", "no PEM certificate") {
                try overwrite($0.folder("ca.crt"), with: "hello\n")
            },
        ]

        @Test(arguments: Self.errors)
        func whatCannotWorkIsNamedAndEndsTheStart(mistake: Mistake) throws {
            var configuration = try Configuration(mistake.proof)
            try mistake.make(&configuration)
            let checked = try Keyside.run(["check"], environment: configuration.environment)
            #expect(checked.status == .exited(78))
            let line = checked.output.split(separator: "\n").filter { $0.contains(": error: ") }.joined(separator: "\n")
            for word in mistake.words { #expect(line.contains(word), "\(checked.output)") }
            let started = try Keyside.run(
                ["run", "--socket", configuration.folder("socket")], environment: configuration.environment)
            #expect(started.status == .exited(78))
            for word in mistake.words { #expect(started.error.contains(word), "\(started.error)") }
            #expect(FileStatus(configuration.folder("socket")) == nil)

            let said = checked.output + checked.error + started.output + started.error
            for secret in [String(configuration.credentials.apiKey.text.suffix(20)), "correct horse", "wrong mule"] {
                #expect(!said.contains(secret))
            }
        }

        /// What MinIO lets pass, the agent lets pass too, and says so.
        static let warnings = [
            Mistake("certificate that has expired", says: "MINIO_KMS_KES_CERT_FILE", "expired at", "renew it") {
                try $0.credentials.authority.issueClient(validity: .expired).write(to: $0.folder.path, as: "client")
            },
            Mistake("certificate that is not yet valid", says: "MINIO_KMS_KES_CERT_FILE", "not valid before", "clock") {
                try $0.credentials.authority.issueClient(validity: .notYet).write(to: $0.folder.path, as: "client")
            },
            Mistake("authorities that are not there", says: "MINIO_KMS_KES_CAPATH", "/nowhere") {
                $0.environment["MINIO_KMS_KES_CAPATH"] = "/nowhere"
            },
            Mistake("folder without authorities", says: "MINIO_KMS_KES_CAPATH", "no file in it") {
                $0.environment["MINIO_KMS_KES_CAPATH"] = try $0.folder.makeFolder("empty")
            },
        ]

        @Test(arguments: Self.warnings)
        func whatMayWorkIsWarnedOf(mistake: Mistake) throws {
            var configuration = try Configuration(mistake.proof)
            try mistake.make(&configuration)
            let outcome = try Keyside.run(["check"], environment: configuration.environment)
            #expect(outcome.status == .exited(0))
            let line = outcome.output.split(separator: "\n").filter { $0.contains(": warning: ") }
                .joined(separator: "\n")
            for word in mistake.words { #expect(line.contains(word), "\(outcome.output)") }
        }

        /// Every way to lay down a private key, on the wire.
        @Test(arguments: TestKeyKind.allCases, [nil, "correct horse"])
        func keysOfEveryKindAreUsed(kind: TestKeyKind, password: String?) async throws {
            try await withKESAgent { setup, cluster in
                let pair = try cluster.credentials.authority.issueClient(kind: kind)
                cluster.server.access[pair.identity] = .everything
                try pair.write(to: cluster.folder.path, as: "client")
                setup.environment = cluster.environment(.certificate)
                guard let password else { return }
                try OpenSSLCommand.run(
                    "pkcs8", "-topk8", "-in", "client.key", "-out", "encrypted.key", "-passout", "pass:\(password)",
                    in: cluster.folder)
                setup.environment["MINIO_KMS_KES_KEY_FILE"] = cluster.folder("encrypted.key")
                setup.environment["MINIO_KMS_KES_KEY_PASSWORD"] = password
            } body: { agent, _ in
                try expectService(by: agent)
            }
        }
    }
}
