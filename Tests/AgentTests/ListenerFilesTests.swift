// SPDX-License-Identifier: Apache-2.0

import Agent
import Authorization
import Cryptography
import Linux
import Settings
import TestSupport
import Testing

@Suite("The files of the TLS listener")
struct ListenerFilesTests {
    private let folder: TemporaryDirectory
    private let authority: TestAuthority

    init() throws {
        _ = try SharedMemory.secrets
        self.folder = try TemporaryDirectory()
        self.authority = try TestAuthority()
        let weeks = CertificateValidity.from(-60, to: 14 * 24 * 3600)
        try self.authority.issueServer(validity: weeks).write(to: self.folder.path, as: "server")
        try self.folder.write(self.authority.certificate, to: "ca.crt")
    }

    private func read(
        cert: String = "server.crt", key: String = "server.key", clientCA: String? = nil
    ) throws -> (plan: ListenerPlan?, diagnostics: [String]) {
        var settings = AgentSettings().tls
        settings.listen = ListenAddress("127.0.0.1:0")
        settings.cert = self.folder(cert)
        settings.key = self.folder(key)
        settings.clientCA = clientCA.map { self.folder($0) }
        let files = try #require(ListenerFiles(settings, memory: SharedMemory.secrets))
        #expect(files.paths.count == (clientCA == nil ? 2 : 3))
        let (plan, diagnostics) = files.read(now: WallClock.currentSecond())
        return (plan, diagnostics.map { $0.description.replacing(self.folder.path + "/", with: "") })
    }

    @Test("what is in order is all that a transport needs")
    func plan() throws {
        let (plan, diagnostics) = try self.read(clientCA: "ca.crt")
        #expect(
            diagnostics.count == 1
                && diagnostics[0].hasPrefix("tls.cert: server.crt: warning: the certificate expires at")
        )
        #expect(plan?.address == ListenAddress("127.0.0.1:0"))
        #expect(plan?.clientAuthorities?.map(\.isAuthority) == [true])
        #expect(try self.read().plan?.clientAuthorities == nil)
    }

    @Test("without an address, a certificate or a key there is nothing to read")
    func absence() throws {
        var settings = AgentSettings().tls
        #expect(ListenerFiles(settings, memory: try SharedMemory.secrets) == nil)
        settings.listen = ListenAddress("127.0.0.1:0")
        settings.cert = "/c"
        #expect(ListenerFiles(settings, memory: try SharedMemory.secrets) == nil)
    }

    @Test("what no client would accept is an error, with its setting and file")
    func errors() throws {
        try self.authority.issueServer().write(to: self.folder.path, as: "other")
        try self.authority.issueServer(validity: .expired).write(to: self.folder.path, as: "expired")
        try self.authority.issueServer(validity: .notYet).write(to: self.folder.path, as: "early")
        try self.authority.issueClient().write(to: self.folder.path, as: "nameless")
        for (cert, key, clientCA, expected) in [
            (
                "none.crt", "server.key", nil,
                "tls.cert: none.crt: error: cannot be read: no such file or directory; use"
            ),
            (
                "server.crt", "none.key", nil,
                "tls.key: none.key: error: cannot be read: no such file or directory; use"
            ),
            (
                "server.crt", "other.key", nil,
                "tls.key: other.key: error: the private key does not belong to the certif"
            ),
            (
                "server.key", "server.crt", nil,
                "tls.cert: server.key: error: contains no PEM certificate, only PRIVATE KEY"
            ),
            ("expired.crt", "expired.key", nil, "tls.cert: expired.crt: error: the certificate expired at 20"),
            ("early.crt", "early.key", nil, "tls.cert: early.crt: error: the certificate is not valid before 20"),
            (
                "nameless.crt", "nameless.key", nil,
                "tls.cert: nameless.crt: error: the certificate has no subject alternat"
            ),
            (
                "server.crt", "server.key", "server.key",
                "tls.client_ca: server.key: error: contains no PEM certificate; use"
            ),
            (
                "server.crt", "server.key", "none",
                "tls.client_ca: none: error: cannot be read: no such file or directory"
            ),
        ] {
            let (plan, diagnostics) = try self.read(cert: cert, key: key, clientCA: clientCA)
            #expect(plan == nil)
            #expect(diagnostics.contains { $0.hasPrefix(expected) }, "\(diagnostics)")
        }
    }

    @Test("the rules of the settings are those of the gate")
    func gate() throws {
        let folder = self.folder
        let one = String(repeating: "1f", count: 32)
        let two = String(repeating: "2e", count: 32)
        let file = try folder.write(
            "admin: {identities: [\(two)]}\npolicy: {a: {allow: [/v1/*], deny: [/v1/api], identities: [\(one)]}}",
            to: "c.yaml")
        let gate = Gate(AgentSettings.load(configFile: file).settings)
        func decide(_ identity: String, _ path: String) throws -> Decision {
            gate.decide(.identity(try #require(Identity(hexadecimal: identity))), Array(path.utf8).span)
        }
        #expect(try decide(one, "/v1/status") == .allowed(policy: "a", pattern: PathPattern("/v1/*")))
        #expect(try decide(one, "/v1/api") == .denied(policy: "a", pattern: PathPattern("/v1/api")))
        #expect(try decide(one, "/version") == .unmentioned)
        #expect(try decide(two, "/v1/api") == .administrator)
        #expect(try decide(String(repeating: "00", count: 32), "/v1/api") == .unknownPrincipal)
        #expect(Gate(AgentSettings()).isShut)
    }
}
