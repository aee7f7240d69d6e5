// SPDX-License-Identifier: Apache-2.0

import Authorization
import Cryptography
import Linux
import TestSupport
import Testing

@testable import Settings

@Suite("Settings of the TLS listener and of who may ask there")
struct AccessSettingsTests {
    private static let nowhere = "/nonexistent/config.yaml"
    private static let one = String(repeating: "1f", count: 32)
    private static let two = String(repeating: "2e", count: 32)
    private static let tls = "tls: {listen: 127.0.0.1:7373, cert: /c, key: /k}\n"

    private let folder: TemporaryDirectory

    init() throws { self.folder = try TemporaryDirectory() }

    /// Loads a file of `yaml`, whose path is left out of the diagnostics.
    private func load(_ yaml: String) throws -> (loaded: LoadedSettings, diagnostics: [String]) {
        let path = try self.folder.write(yaml, to: "c")
        let loaded = AgentSettings.load(configFile: path)
        let diagnostics = loaded.diagnostics.map { String($0.description.dropFirst(path.count + 1)) }
        return (loaded, diagnostics.map { $0.replacing(path, with: "FILE") })
    }

    private func value(_ name: String, in loaded: LoadedSettings) -> EffectiveValue? {
        loaded.values.first { $0.name == name }
    }

    // MARK: The listener

    @Test("a listener is taken from the file, from variables and from flags")
    func listener() throws {
        let (loaded, diagnostics) = try self.load(
            """
            tls:
              listen: 127.0.0.1:7373
              cert: /etc/keyside/tls/server.crt
              key: server.key
              client_ca: ""
            admin:
              users: [root]
              identities: [\(Self.one)]
            """)
        #expect(diagnostics.isEmpty)
        #expect(loaded.settings.tls.listen == ListenAddress("127.0.0.1:7373"))
        #expect(loaded.settings.tls.cert == "/etc/keyside/tls/server.crt")
        #expect(loaded.settings.tls.key == "server.key")
        #expect(loaded.settings.tls.clientCA == nil)
        #expect(loaded.settings.admin.identities == [try #require(Identity(hexadecimal: Self.one))])
        let others = AgentSettings.load(
            flags: ["--tls-listen": "[::1]:0", "--tls-client-ca": "/ca"],
            environment: [
                "KEYSIDE_TLS_LISTEN": "127.0.0.1:1", "KEYSIDE_TLS_CERT": "/c", "KEYSIDE_TLS_KEY": "/k",
                "KEYSIDE_ADMIN_IDENTITIES": "\(Self.one), \(Self.two.uppercased())",
            ], defaultFile: Self.nowhere)
        #expect(others.diagnostics.isEmpty)
        #expect(self.value("tls.listen", in: others)?.value == "[::1]:0")
        #expect(self.value("tls.client_ca", in: others)?.source == "--tls-client-ca")
        #expect(self.value("admin.identities", in: others)?.value == "[\(Self.one), \(Self.two)]")
    }

    @Test(
        "an address is numbers and a port",
        arguments: [
            "localhost:7373", "127.0.0.1", "127.0.0.1:", ":7373", "::1:7373", "[::1]", "[127.0.0.1]:7373",
            "127.0.0.1:65536", "127.0.0.1:+1", "127.0.0.1:-1", "256.0.0.1:1", "127.1:7373", "[fe80::1%lo]:7373",
            "*:7373",
            " 127.0.0.1:7373", "https://127.0.0.1:7373",
        ])
    func addresses(text: String) {
        let loaded = AgentSettings.load(environment: ["KEYSIDE_TLS_LISTEN": text], defaultFile: Self.nowhere)
        #expect(loaded.settings.tls.listen == nil)
        #expect(loaded.diagnostics.map(\.message) == ["'tls.listen' cannot be '\(text)'"])
        #expect(loaded.diagnostics.first?.remedy?.contains("[::1]:7373") == true)
    }

    @Test(
        "what does not go together is said",
        arguments: [
            (
                "tls: {listen: 127.0.0.1:7373, key: /k}\nadmin: {identities: [\(one)]}",
                [
                    "1:7: error: 'tls.listen' needs 'tls.cert'; set it to the path of the server's certificate; "
                        + "'keyside tls init' creates one"
                ]
            ),
            (
                "tls: {cert: /c}",
                [
                    "1:7: warning: 'tls.cert' has no effect without 'tls.listen'; set 'tls.listen' to 127.0.0.1:7373, "
                        + "or remove it"
                ]
            ),
            (
                "tls: {listen: \"[::]:7373\", cert: /c, key: /k}\nadmin: {identities: [\(one)]}",
                ["1:7: warning: other machines can connect to [::]:7373; write 127.0.0.1:7373 unless this is intended"]
            ),
            (
                "tls: {listen: 127.1.2.3:7373, cert: /c, key: /k}",
                [
                    "1:7: warning: the TLS listener will reject every key request: no policy has identities; add the client's identity to "
                        + "'policy.NAME.identities'; 'keyside identity of' prints it"
                ]
            ),
            (
                "policy: {minio: {allow: [/v1/*]}}",
                [
                    "1:10: warning: policies have no effect without 'tls.listen': they do not apply to the Unix socket; "
                        + "set 'tls.listen', or control access by the socket's mode and group"
                ]
            ),
            (
                tls + "admin: {identities: [\(one)]}\npolicy: {a: {identities: [\(one)]}}",
                [
                    "3:27: warning: '\(one)' is in 'admin.identities', which overrides policies; "
                        + "remove it here or from 'admin.identities'"
                ]
            ),
        ])
    func crossChecks(yaml: String, expected: [String]) throws {
        #expect(try self.load(yaml).diagnostics == expected)
    }

    // MARK: Policies

    @Test("policies have names of the operator's own, and are shown with their sources")
    func policies() throws {
        let (loaded, diagnostics) = try self.load(
            Self.tls + """
                policy:
                  minio:
                    allow: ["/v1/key/generate/*", /v1/status]
                    deny:
                      - /v1/key/generate/secret*
                    users: []
                    groups: []
                    units: []
                    identities: [\(Self.one)]
                  empty:
                """)
        #expect(diagnostics.isEmpty)
        let policies = loaded.settings.policies
        #expect(policies.map(\.policy.name) == ["minio", "empty"])
        #expect(policies[0].policy.allow == ["/v1/key/generate/*", "/v1/status"].map(PathPattern.init))
        #expect(policies[0].policy.deny == [PathPattern("/v1/key/generate/secret*")])
        #expect(policies[0].identities.map(\.description) == [Self.one])
        #expect(self.value("policy.minio.allow", in: loaded)?.value == "[/v1/key/generate/*, /v1/status]")
        #expect(self.value("policy.minio.deny", in: loaded)?.source.hasSuffix(":5:5") == true)
        #expect(self.value("policy.empty.allow", in: loaded)?.value == "[]")
        #expect(self.value("policy.empty.allow", in: loaded)?.source == "default")
    }

    @Test(
        "what is wrong with a policy is reported with line and column",
        arguments: [
            ("policy: x", "2:1: error: 'policy' takes policies by their names, not a value"),
            ("policy: [minio]", "2:1: error: 'policy' takes policies by their names, not a value"),
            ("policy: {minio: /v1/*}", "2:10: error: 'policy.minio' takes settings, not a value"),
            ("policy: {_: {}}", "2:10: error: '_' cannot be the name of a policy; write 1 to 80 letters"),
            ("policy: {a-: {allow: [/v1/*]}}", "2:10: error: 'a-' cannot be the name of a policy"),
            ("policy: {ü: {}}", "2:10: error: 'ü' cannot be the name of a policy"),
            ("policy: {a: {alow: []}}", "2:14: error: unknown setting 'policy.a.alow'; did you mean 'policy.a.allow'?"),
            ("policy: {a: {colour: blue}}", "2:14: error: unknown setting 'policy.a.colour'; remove it"),
            (
                "policy: {a: {allow: /v1/*}}",
                "2:14: error: 'policy.a.allow' must be a list; write a list such as [/v1/key"
            ),
            ("policy: {a: {allow: }}", "2:14: error: 'policy.a.allow' must be a list"),
            ("policy: {a: {allow: {x: y}}}", "2:14: error: 'policy.a.allow' must be a list"),
            (
                "policy: {a: {allow: [v1/*]}}",
                "2:22: error: 'policy.a.allow' cannot hold 'v1/*'; write a path such as /v1/key"
            ),
            ("policy: {a: {deny: ['**']}}", "2:21: error: 'policy.a.deny' cannot hold '**'"),
            ("policy: {a: {deny: ['']}}", "2:21: error: 'policy.a.deny' cannot hold ''"),
            ("policy: {a: {deny: [[/v1]]}}", "2:21: error: 'policy.a.deny' cannot hold a value that is not text"),
            ("policy: {a: {deny: [~]}}", "2:21: error: 'policy.a.deny' cannot hold a value that is not text"),
            ("policy: {a: {deny: [/v1/*/a]}}", "2:21: warning: in '/v1/*/a' a '*' that is not at the end matches"),
            ("policy: {a: {identities: [abc]}}", "2:27: error: 'policy.a.identities' cannot hold 'abc'; write an iden"),
            (
                "policy: {a: {users: [minio]}}",
                "2:14: error: this version does not have 'policy.a.users'; leave it empty"
            ),
            ("policy: {a: {groups: [minio]}}", "2:14: error: this version does not have 'policy.a.groups'"),
            ("policy: {a: {units: [x.service]}}", "2:14: error: this version does not have 'policy.a.units'"),
            (
                "policy: {a: {identities: [\(one)]}, b: {identities: [\(one)]}}",
                "2:112: error: cannot assign policy 'b' to '\(one)': identity already has a policy, 'a'; keep one of the "
                    + "two; the other is at FILE:2:27"
            ),
            (
                "policy: {a: {identities: [\(one), \(one)]}}",
                "2:93: error: cannot assign policy 'a' to '\(one)': identity already has a policy, 'a'"
            ),
            ("admin: {identities: \(one)}", "2:9: error: 'admin.identities' must be a list; write a list such as ["),
            ("admin: {identities: [x]}", "2:22: error: 'admin.identities' cannot hold 'x'; write an identity"),
            ("polcy: {}", "2:1: error: unknown setting 'polcy'; did you mean 'policy'?"),
        ])
    func badPolicies(yaml: String, diagnostic: String) throws {
        // Somebody may ask, so that nothing else is said.
        let listener = "tls: {listen: 127.0.0.1:7373, cert: /c, key: /k}\n"
        let somebody =
            yaml.hasPrefix("admin")
            ? "\npolicy: {z: {identities: [\(Self.two)]}}" : "\nadmin: {identities: [\(Self.two)]}"
        let (_, diagnostics) = try self.load(listener + yaml + somebody)
        #expect(diagnostics.count == 1, "\(diagnostics)")
        #expect(diagnostics.first?.hasPrefix(diagnostic) == true, "\(diagnostics)")
    }

    @Test("a policy that is wrong in one place keeps what is right of it")
    func partOfAPolicy() throws {
        let (loaded, _) = try self.load(Self.tls + "policy: {a: {allow: [x, /v1/status]}}")
        #expect(loaded.settings.policies.first?.policy.allow == [PathPattern("/v1/status")])
    }

    @Test("names that KES allows, and no others")
    func names() {
        for name in ["a", "A-1", "a--b", "__", "_a", String(repeating: "n", count: 80)] { #expect(Policy.isName(name)) }
        for name in ["", "_", "-a", "a-", "a.b", "a b", "ä", String(repeating: "n", count: 81)] {
            #expect(!Policy.isName(name))
        }
    }
}
