// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The agent on its TLS listener: who gets in, to what, and what happens when it cannot listen.
@Suite struct TLSListenerTests {
    @Test(arguments: CurlCommand.HTTPVersion.allCases)
    func whatTheGuideSaysIsAllThatAClientNeeds(version: CurlCommand.HTTPVersion) throws {
        let folder = try TemporaryDirectory()
        let made = try Keyside.run(["tls", "init", folder("tls"), "--output", "json"])
        let settings = try #require(try JSONValue(made.output)["settings"].string)
        let config = try folder.write(settings.replacing("127.0.0.1:7373", with: "127.0.0.1:0"), to: "config.yaml")
        let key = try TestAPIKey(text: String(try text(of: folder("tls/client.apikey")).dropLast()))
        try withAgent {
            $0.arguments = ["--config", config]
        } body: {
            let agent = try TLSAgent($0, trusting: try text(of: folder("tls/ca.crt")))
            let dataKey = try agent.ask("/v1/key/generate/my-key", "{}", version, as: key.pair)
            #expect(dataKey.isDataKey, "\(dataKey.text)")
            let ciphertext = try #require(dataKey.bytes("ciphertext"))
            let opened = try agent.ask(
                "/v1/key/decrypt/my-key", "{\"ciphertext\":\"\(ciphertext.base64)\"}", version, as: key.pair)
            #expect(opened.status == 200 && opened.bytes("plaintext") == dataKey.bytes("plaintext"))
            #expect(try agent.agent.log.contains("tls=127.0.0.1:"))
        }
    }

    @Test func everybodyGetsWhatTheRulesSay() throws {
        let files = try TLSFiles()
        let (admin, stranger) = (try files.authority.issueClient(), try files.authority.issueClient())
        let generate = "/v1/key/generate/my-key"
        try files.withAgent {
            $0.environment["KEYSIDE_ADMIN_IDENTITIES"] = admin.identity
        } body: { agent in
            for path in ["/version", "/v1/ready"] { #expect(try agent.ask(path).status == 200) }
            expect(try agent.ask(generate, "{}"), refuses: 400, "tls: client certificate is required")
            let insufficient = "not authorized: insufficient permissions"
            expect(try agent.ask(generate, "{}", as: stranger), refuses: 403, insufficient)
            expect(try agent.ask(generate, "{", as: stranger), refuses: 403, insufficient)
            #expect(try agent.ask(generate, as: stranger).status == 405)
            #expect(try agent.ask("/nothing", as: stranger).status == 404)

            #expect(try agent.ask(generate, "{}", as: files.client).isDataKey)
            expect(try agent.ask("/v1/key/generate/secret-key", "{}", as: files.client), refuses: 403, insufficient)
            expect(try agent.ask("/v1/status", as: files.client), refuses: 403, insufficient)
            expect(
                try agent.ask("/v1/keyside/cache", as: files.client, method: "DELETE"), refuses: 403, insufficient)
            #expect(try agent.ask("/metrics", as: files.client).status == 200)

            #expect(try agent.ask(generate, "{}", as: admin).isDataKey)
            #expect(try agent.ask("/v1/keyside/cache", as: admin, method: "DELETE").status == 200)
            let status = try agent.ask("/v1/status", as: admin)
            #expect(status.json["keyside"]["listeners"][1]["connections"].integer == 1)

            let metrics = try agent.agent.metrics
            #expect(metrics.value("keyside_denied_total", ["reason": "policy"]) == 5)
            #expect(metrics.value("keyside_denied_total", ["reason": "certificate"]) == 1)
            let labels = ["operation": "generate", "status": "200", "listener": "tls"]
            #expect(metrics.value("keyside_requests_total", labels) == 2)
            #expect(metrics.value("keyside_connections", ["listener": "tls"]) != nil)
        }
    }

    @Test func whoeverCannotListenSaysWhy() throws {
        let files = try TLSFiles()
        try files.withAgent { agent in
            for (address, message) in [
                (String(agent.url.dropFirst("https://".count)), "another process listens at"),
                ("198.51.100.7:7373", "no interface of this machine has the address of"),
            ] {
                let outcome = try Keyside.run(
                    ["run", "--socket", files.folder("other.sock")] + files.arguments(listen: address),
                    environment: ["MINIO_KMS_SECRET_KEY": AgentSetup.knownKey])
                #expect(outcome.status == .exited(78))
                #expect(outcome.error.contains("keyside: tls.listen: \(message) \(address)"), "\(outcome.error)")
            }
        }
    }

    /// What `keyside check` says of files, the agent says too, and does not start.
    @Test(.enabled(if: Account.isRoot, "needs root to become nobody"))
    func whoeverHasNothingToShowSaysWhy() throws {
        let files = try TLSFiles()
        let expired = try files.authority.issueServer(validity: .expired)
        let other = try files.authority.issueServer()
        let good = try text(of: files.folder("server.crt"))
        for (cert, key, clientCA, message) in [
            (good, "", nil, "tls.key: \(files.folder("server.key")): contains no"),
            (good, other.key, nil, "tls.key: \(files.folder("server.key")): the private key does not belong"),
            (
                expired.certificate, expired.key, nil,
                "tls.cert: \(files.folder("server.crt")): the certificate expired"
            ),
            (
                other.certificate, other.key, other.key,
                "tls.client_ca: \(files.folder("ca.crt")): contains no PEM"
            ),
        ] as [(String, String, String?, String)] {
            try files.folder.write(cert, to: "server.crt")
            try files.folder.write(key, to: "server.key")
            if let clientCA { try files.folder.write(clientCA, to: "ca.crt") }
            try Self.expectRefusal(
                files.arguments() + (clientCA == nil ? [] : ["--tls-client-ca", files.folder("ca.crt")]), message)
        }
        try files.folder.write(other.key, to: "server.key", mode: 0o600)
        try Self.expectRefusal(
            files.arguments(), "tls.key: \(files.folder("server.key")): cannot be read: permission denied",
            as: .nobody)
    }

    private static func expectRefusal(
        _ arguments: [String], _ message: String, as account: Account? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let folder = try TemporaryDirectory()
        let outcome = try Keyside.run(
            ["run", "--socket", folder("keyside.sock")] + arguments,
            environment: ["MINIO_KMS_SECRET_KEY": AgentSetup.knownKey]
        ) { $0.account = account }
        #expect(outcome.status == .exited(78), "\(outcome)", sourceLocation: sourceLocation)
        #expect(outcome.error.contains(message), "\(outcome.error)", sourceLocation: sourceLocation)
    }

    @Test func whoeverListensToOtherMachinesIsWarned() throws {
        let files = try TLSFiles()
        try files.withAgent {
            $0.arguments = files.arguments(listen: "0.0.0.0:0")
        } body: { agent in
            let log = try agent.agent.log
            #expect(log.contains("warning --tls-listen: other machines can connect"))
        }
    }
}
