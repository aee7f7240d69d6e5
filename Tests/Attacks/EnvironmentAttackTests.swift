// SPDX-License-Identifier: Apache-2.0

import FakeKES
import Glibc
import KESProtocol
import TestSupport
import Testing

/// Variables in the agent's environment by which libraries would do what nobody asked the agent for.
@Suite struct EnvironmentAttackTests {
    @Test("have no TLS secrets written to a file")
    func noTLSSecretsAreWritten() async throws {
        let folder = try TemporaryDirectory()
        try await withKESAgent { setup, _ in
            setup.environment["SSLKEYLOGFILE"] = folder("secrets")
        } body: { agent, _ in
            _ = try agent.makeDataKey()
            #expect(unsafe access(folder("secrets"), F_OK) != 0, "libcurl has written TLS secrets")
            let warnings = try agent.log.split(separator: "\n").filter { $0.contains("SSLKEYLOGFILE") }
            #expect(warnings.count == 1 && warnings[0].contains(" warning "), "\(warnings)")
        }
    }

    @Test("do not choose OpenSSL's configuration, and so its code", arguments: ["OPENSSL_CONF", "OPENSSL_MODULES"])
    func noConfigurationIsNamed(variable: String) async throws {
        let folder = try TemporaryDirectory()
        // A provider that there is not: whoever reads this fails to initialise OpenSSL, or logs it.
        let configuration = try folder.write(
            "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = TLSv1.3\nMaxProtocol = TLSv1.2\n",
            to: "openssl.cnf")
        try await withKESAgent { setup, _ in
            setup.environment[variable] = variable == "OPENSSL_CONF" ? configuration : folder.path
        } body: { agent, _ in
            _ = try agent.makeDataKey()
            #expect(try agent.log.contains(variable))
        }
    }

    @Test("do not send key servers' requests through a proxy, of which check warns once")
    func noProxyIsUsed() async throws {
        try await withKESAgent { setup, _ in
            for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] { setup.environment[name] = "http://127.0.0.1:9" }
        } body: { agent, _ in
            _ = try agent.makeDataKey()
        }
        var environment = [
            "MINIO_KMS_KES_ENDPOINT": "https://kes.example:7373,https://other.example",
            "MINIO_KMS_KES_KEY_NAME": "k",
            "MINIO_KMS_KES_API_KEY": "kes:v1:AAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
            "HTTPS_PROXY": "http://secret@proxy:3128", "https_proxy": "http://proxy:3128",
        ]
        let outcome = try Keyside.run(["check"], environment: environment)
        let warnings = outcome.output.split(separator: "\n").filter { $0.contains("PROXY: ") }
        #expect(warnings.count == 1 && warnings[0].contains("HTTPS_PROXY: warning:"), "\(outcome.output)")
        #expect(!outcome.output.contains("secret@"))
        environment["NO_PROXY"] = "kes.example, .example:443"
        let direct = try Keyside.run(["check"], environment: environment)
        #expect(!direct.output.contains("PROXY: "), "\(direct.output)")
    }

    @Test("name CA certificates as they do for the object store, and check shows it")
    func certificatesAreNamedAsForTheObjectStore() async throws {
        try await withCluster { cluster in
            let bundle = try cluster.folder.write(cluster.credentials.authority.certificate, to: "bundle")
            let directory = try TemporaryDirectory()
            _ = try directory.write(cluster.credentials.authority.certificate, to: "no-hashed-name.pem")
            for (variable, value) in [("SSL_CERT_FILE", bundle), ("SSL_CERT_DIR", "/nonexistent:\(directory.path)")] {
                var setup = AgentSetup()
                setup.environment = cluster.environment()
                setup.environment["MINIO_KMS_KES_CAPATH"] = nil
                setup.environment[variable] = value
                let agent = try AgentProcess(setup)
                defer { agent.process.kill() }
                _ = try agent.makeDataKey()
                let check = try Keyside.run(["check"], environment: setup.environment)
                #expect(check.output.contains("(\(variable))"), "\(check.output)")
            }
        }
    }
}
