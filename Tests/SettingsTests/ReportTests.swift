// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import TestSupport
import Testing

@testable import Settings

@Suite("What is reported")
struct ReportTests {
    private static func report(
        _ variables: [String: String],
        _ settings: [String: String] = [:],
        envFile: String? = nil,
        findings: BackendFindings = BackendFindings()
    ) throws -> ConfigurationReport {
        let loaded = AgentSettings.load(environment: settings, defaultFile: "/nonexistent")
        return ConfigurationReport(Configuration(loaded, try load(variables, envFile: envFile)), findings)
    }

    // MARK: Diagnostics

    @Test("a diagnostic is one line: place, severity, message, remedy")
    func lines() {
        var diagnostics: [Diagnostic] = []
        diagnostics.report(
            .error,
            at: .file("/etc/c.yaml", line: 14, column: 5),
            "no such thing",
            remedy: "try another"
        )
        diagnostics.report(
            .warning,
            at: .entry("NAME", file: "/env", line: 3),
            "strange\r\n\u{1B}[31m",
            remedy: "mend it"
        )
        diagnostics.report(.note, at: .flag("--socket"), "so it is")
        #expect(
            diagnostics.map(\.description) == [
                "/etc/c.yaml:14:5: error: no such thing; try another",
                "/env:3: NAME: warning: strange\\r\\n\\u{1B}[31m; mend it",
                "--socket: note: so it is",
            ]
        )
    }

    @Test(
        "the distance of two words is the number of edits between them",
        arguments: [
            ("", "", 0), ("a", "", 1), ("", "ab", 2), ("unsued", "unused", 2), ("kitten", "sitting", 3),
            ("same", "same", 0),
        ]
    )
    func distances(left: String, right: String, distance: Int) {
        #expect(Spelling.distance(left, right) == distance)
        #expect(Spelling.distance(right, left) == distance)
    }

    @Test("a name is suggested only if it is near")
    func suggestions() {
        let names = ["socket", "limits", "log"]
        #expect(Spelling.nearest(to: "sockets", among: names) == "socket")
        #expect(Spelling.nearest(to: "lgo", among: names) == "log")
        #expect(Spelling.nearest(to: "elsewhere", among: names) == nil)
        #expect(Spelling.nearest(to: "any", among: []) == nil)
    }

    // MARK: The report

    @Test("the text is aligned and ends with the verdict")
    func text() throws {
        let report = try Self.report(
            ["MINIO_KMS_SECRET_KEY": Sample.staticKey, "MINIO_KMS_AUTO_ENCRYPTION": "maybe"],
            ["KEYSIDE_SOCKET_PATH": "/run/k.sock"]
        )
        #expect(
            report.text == """
                backend: static key, key 'my-key'

                settings:
                  socket.path                         /run/k.sock       environment
                  socket.mode                         0660              default
                  socket.owner                        ""                default
                  socket.group                        ""                default
                  tls.listen                          ""                default
                  tls.cert                            ""                default
                  tls.key                             ""                default
                  tls.client_ca                       ""                default
                  memory.allow_unlocked               false             default
                  memory.locked_max                   64MiB             default
                  cache.max_entries                   65536             default
                  cache.expiry.any                    5m                default
                  cache.expiry.unused                 1m                default
                  cache.expiry.offline                0s                default
                  upstream.timeout                    10s               default
                  upstream.connect_timeout            2s                default
                  upstream.max_in_flight              512               default
                  upstream.max_queued                 2048              default
                  upstream.hedge                      false             default
                  upstream.http                       auto              default
                  ready.require_upstream              true              default
                  limits.connections                  1024              default
                  limits.unauthenticated_connections  128               default
                  limits.header_timeout               5s                default
                  limits.idle_timeout                 2m                default
                  shutdown.drain                      10s               default
                  log.level                           info              default
                  log.format                          text              default
                  admin.identities                    []                default

                environment:
                  MINIO_KMS_SECRET_KEY                32 bytes, hidden  environment
                  MINIO_KMS_AUTO_ENCRYPTION           maybe             environment
                  MINIO_KMS_REPLICATE_KEYID           on                default

                MINIO_KMS_AUTO_ENCRYPTION: warning: open-source MinIO reads this as off; write on or off
                the configuration is valid, 1 warning

                """
        )
    }

    @Test("a cluster's endpoints are listed as they were expanded")
    func endpoints() throws {
        let report = try Self.report([
            "MINIO_KMS_KES_ENDPOINT": "https://kes{1...2}:7373", "MINIO_KMS_KES_KEY_NAME": "k",
            "MINIO_KMS_KES_API_KEY": Sample.kesAPIKey,
        ])
        #expect(report.text.hasPrefix("backend: KES, key 'k'\n  https://kes1:7373\n  https://kes2:7373\n\nsettings:\n"))
        #expect(report.json.contains(#""endpoints":["https://kes1:7373","https://kes2:7373"]"#))
    }

    @Test("the verdict on an invalid configuration counts errors and warnings")
    func verdict() throws {
        let report = try Self.report(["MINIO_KMS_SECRET_KEY": "x", "MINIO_KMS_X": "x"], ["KEYSIDE_LOG_LEVEL": "x"])
        #expect(report.text.hasPrefix("backend: none\n"))
        #expect(report.text.hasSuffix("\nthe configuration is not valid, 2 errors, 1 warning\n"))
    }

    @Test("the JSON has the names that stay")
    func json() throws {
        let report = try Self.report(["MINIO_KMS_SECRET_KEY": Sample.staticKey, "MINIO_KMS_REPLICATE_KEYID": "false"])
        #expect(
            report.json.hasPrefix(
                #"{"valid":true,"backend":"static key","key_name":"my-key","endpoints":[],"identity":null,"#
                    + #""valid_until":null,"listener_valid_until":null,"settings":["#
            )
        )
        #expect(report.json.contains(#"{"name":"log.level","value":"info","source":"default"}"#))
        #expect(
            report.json.contains(#"{"name":"MINIO_KMS_SECRET_KEY","value":"32 bytes, hidden","source":"environment"}"#)
        )
        #expect(
            report.json.hasSuffix(
                #""diagnostics":[{"severity":"warning","place":"MINIO_KMS_REPLICATE_KEYID","message":"AIStor reads this as"#
                    + #" off, but open-source MinIO only understands off and reads it as on","remedy":"write off"}]}"#
            )
        )
        let invalid = try Self.report([:]).json
        #expect(invalid.hasPrefix(#"{"valid":false,"backend":null,"key_name":null,"endpoints":[]"#))
    }

    @Test("what was found out about the backend stands between the backend and its settings")
    func findings() throws {
        var findings = BackendFindings()
        findings.identity = "6aaf"
        findings.validUntil = "2027-02-22T03:42:21.000Z"
        findings.trials = [
            .init(endpoint: "https://kes1:7373", outcome: .works(version: "v1", latency: .microseconds(300))),
            .init(endpoint: "https://kes2:7373", outcome: .fails(problem: "no\u{7}", remedy: "yes")),
        ]
        #expect(findings.hasFailedTrial)
        let report = try Self.report(["MINIO_KMS_SECRET_KEY": Sample.staticKey], findings: findings)
        #expect(report.isValid)
        #expect(
            report.text.hasPrefix(
                """
                backend: static key, key 'my-key'
                identity: 6aaf
                certificate: valid until 2027-02-22T03:42:21.000Z

                connections:
                  https://kes1:7373: works, version v1, 1 ms
                  https://kes2:7373: error: no\\u{07}; yes

                settings:

                """))
        let trials = [
            #"{"endpoint":"https://kes1:7373","works":true,"version":"v1","latency_ms":1}"#,
            #"{"endpoint":"https://kes2:7373","works":false,"problem":"no\u0007","remedy":"yes"}"#,
        ]
        #expect(report.json.contains(#""connections":["# + trials.joined(separator: ",") + "]"))
    }

    @Test("what files hold wrongly makes a configuration invalid")
    func faultyFiles() throws {
        var findings = BackendFindings()
        findings.diagnostics = [
            Diagnostic(.error, at: .credential("MINIO_KMS_KES_KEY_FILE: /k"), "is empty", remedy: "fill it")
        ]
        let report = try Self.report(["MINIO_KMS_SECRET_KEY": Sample.staticKey], findings: findings)
        #expect(!report.isValid && !findings.hasFailedTrial)
        #expect(
            report.text.hasSuffix(
                "\nMINIO_KMS_KES_KEY_FILE: /k: error: is empty; fill it\nthe configuration is not valid, 1 error\n"))
        #expect(report.json.hasPrefix(#"{"valid":false,"backend":"static key""#))
    }

    @Test("JSON strings are escaped, and a line of text stays a line")
    func escapes() throws {
        let report = try Self.report(["MINIO_KMS_SECRET_KEY": "a\"\\\n\u{1}ü:\(Sample.keyText)"])
        #expect(report.json.contains(#""key_name":"a\"\\\n\u0001ü""#))
        #expect(report.text.hasPrefix(#"backend: static key, key 'a"\\n\u{01}ü'"#))
    }

    // MARK: Secrets

    /// Configurations in and out of order, each with secrets wherever one can stand.
    private static let configurations: [[String: String]] = [
        ["MINIO_KMS_SECRET_KEY": Sample.staticKey],
        ["MINIO_KMS_SECRET_KEY": Sample.staticKey + "x"],
        ["MINIO_KMS_SECRET_KEY": Sample.keyText + ":my-key"],
        ["MINIO_KMS_SECRET_KEY": Sample.keyText],
        ["MINIO_KMS_SECRET_KEY_FILE": Sample.staticKey],
        ["MINIO_KMS_SECRET_KYE": Sample.staticKey, "MINIO_KMS_MASTER_KEY": Sample.password],
        ["MINIO_KMS_SECRET_KEY \(Sample.keyText)": Sample.keyText],
        ["MINIO_KMS_KES_ENDPOINT": "https://u:\(Sample.password)@kes", "MINIO_KMS_KES_KEY_NAME": "k"],
        ["MINIO_KMS_SERVER": "env://u:\(Sample.password)@kms", "MINIO_KMS_API_KEY": Sample.minKMSAPIKey],
        ["MINIO_KMS_AUTO_ENCRYPTION": "env://u:\(Sample.password)@kms", "MINIO_ROOT_PASSWORD": Sample.password],
        [
            "MINIO_KMS_KES_ENDPOINT": "https://kes", "MINIO_KMS_KES_KEY_NAME": "k",
            "MINIO_KMS_KES_API_KEY": Sample.kesAPIKey, "MINIO_KMS_KES_KEY_PASSWORD": Sample.password,
            "MINIO_KMS_API_KEY": Sample.minKMSAPIKey, "MINIO_KMS_SECRET_KEY": Sample.staticKey,
        ],
        [
            "MINIO_KMS_KES_ENDPOINT": "https://kes", "MINIO_KMS_KES_KEY_NAME": "k", "MINIO_KMS_KES_CERT_FILE": "/c",
            "MINIO_KMS_KES_KEY_FILE": "-----BEGIN PRIVATE KEY-----\n\(Sample.keyText)",
            "MINIO_KMS_KES_KEY_PASSWORD": Sample.password,
        ],
    ]

    @Test("no secret is in any output, from the environment or from a file", arguments: configurations)
    func secretsAreHidden(variables: [String: String]) throws {
        let folder = try TemporaryDirectory()
        let lines = variables.map { "\($0.key)=\($0.value)" } + ["MINIO_KMS_SECRET_KEY \(Sample.staticKey)"]
        let file = try folder.write(lines.joined(separator: "\n"), to: "env")
        let secrets = [Sample.keyText, Sample.kesAPIKey, Sample.minKMSAPIKey, Sample.password]
            .flatMap { secret in
                // Without the end, so that a part that was cut or trimmed is found as well.
                [String(secret.dropLast(2)), Base64.encode(Array(secret.utf8.dropLast(2)))]
            }
        for report in [try Self.report(variables), try Self.report([:], envFile: file)] {
            for output in [report.text, report.json] {
                for secret in secrets { #expect(!output.utf8.containsSequence(secret.utf8)) }
            }
        }
    }
}

extension Collection where Element: Equatable {
    fileprivate func containsSequence(_ other: some Collection<Element>) -> Bool {
        self.indices.contains { self[$0...].starts(with: other) }
    }
}
