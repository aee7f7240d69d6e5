// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// `keyside identity new` and `keyside identity of`, with what other programs make and read.
@Suite struct IdentityCommandTests {
    static let vectors = [
        (
            "kes:v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "339e2ff917630507b6a423b5ce084e285d1fa65d93b3e27a6195d3bbebc9ae23"
        ),
        (
            "kes:v1:AAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
            "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5"
        ),
        (
            "kes:v1:ALxu97JeqRrB3lWbRQQtHa8Q2fLP0XISfN8vLkz+0lwb",
            "1e385d6fa286cb763cd2c5f8d3a5fdfe0a488686a73c8df01804480bbfe0dd50"
        ),
    ]

    @Test(arguments: vectors)
    func anAPIKeyHasTheIdentityThatKESGivesIt(apiKey: String, identity: String) throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("\(apiKey)\n", to: "client.apikey")
        for (argument, input) in [(apiKey, ""), (String(apiKey.dropFirst(7)), ""), ("-", "\(apiKey)\n"), (file, "")] {
            let outcome = try Keyside.run(["identity", "of", argument], input: input)
            #expect(outcome.status == .exited(0) && outcome.output == "identity: \(identity)\n", "\(outcome)")
        }
        let outcome = try Keyside.run(["identity", "of", apiKey, "--output", "json"])
        #expect(try JSONValue(outcome.output)["identity"].string == identity)
    }

    @Test func whatHasNoIdentityIsNamed() throws {
        let folder = try TemporaryDirectory()
        let authority = try TestAuthority()
        let authorityFile = try folder.write(authority.certificate, to: "ca.crt")
        let nonsense = try folder.write("nonsense\n", to: "nonsense")
        for (argument, status, part) in [
            (folder("none"), Int32(74), "no such file"), (folder.path, 74, "is a directory"),
            (authorityFile, 1, "\(authorityFile): the first certificate is a CA certificate"),
            (nonsense, 1, "\(nonsense): kes: invalid API key"),
            ("kes:v1:AAAA", 1, "kes: invalid API key: invalid length"),
            ("-", 1, "standard input: kes: invalid API key"),
        ] {
            let outcome = try Keyside.run(["identity", "of", argument])
            #expect(outcome.status == .exited(status) && outcome.output.isEmpty)
            #expect(outcome.error.lowercased().contains(part.lowercased()), "\(outcome.error)")
        }
    }

    @Test func aNewAPIKeyBelongsToItsIdentity() throws {
        let outcome = try Keyside.run(["identity", "new"])
        #expect(outcome.status == .exited(0) && outcome.error.isEmpty)
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(lines.count == 2 && lines[0].hasPrefix("api_key: kes:v1:A") && lines[1].hasPrefix("identity: "))
        let key = try TestAPIKey(text: String(lines[0].dropFirst("api_key: ".count)))
        #expect(key.identity == lines[1].dropFirst("identity: ".count))
        let json = try JSONValue(try Keyside.run(["identity", "new", "--kes", "--output", "json"]).output)
        #expect(try TestAPIKey(text: json["api_key"].string ?? "").identity == json["identity"].string)
        #expect(json["identity"].string != key.identity)
    }

    @Test func aNewCertificateIsWrittenWithItsKey() throws {
        let folder = try TemporaryDirectory()
        let arguments = ["identity", "new", "--cert", folder("c.crt"), "--private-key", folder("c.key")]
        let outcome = try Keyside.run(arguments)
        #expect(outcome.status == .exited(0), "\(outcome)")
        let facts = try CertificateFacts([UInt8](try text(of: folder("c.crt")).utf8))
        #expect(outcome.output == "identity: \(facts.identity)\n" && !facts.isAuthority)
        #expect(FileStatus(folder("c.key"))?.mode == 0o600 && FileStatus(folder("c.crt"))?.mode == 0o644)
        try OpenSSLCommand.run("verify", "-purpose", "sslclient", "-CAfile", "c.crt", "c.crt", in: folder)
        try OpenSSLCommand.run("pkey", "-in", "c.key", "-check", "-noout", in: folder)

        let refused = try Keyside.run(arguments)
        #expect(refused.status == .exited(1) && refused.error.contains("\(folder("c.crt")): the file exists"))
        let replaced = try Keyside.run(arguments + ["--force", "--output", "json"])
        #expect(replaced.status == .exited(0))
        #expect(try JSONValue(replaced.output)["identity"].string != facts.identity)
        #expect(try JSONValue(replaced.output)["private_key"].string == folder("c.key"))
    }

    @Test func wrongUsageIsSaid() throws {
        #expect(try Keyside.run(["identity", "new", "--cert", "/x"]).status == .exited(64))
        #expect(try Keyside.run(["identity", "new", "--kes", "--kms"]).status == .exited(64))
        #expect(try Keyside.run(["identity", "of"]).status == .exited(64))
        #expect(try Keyside.run(["identity", "new", "--kms"]).status == .exited(1))
        let outcome = try Keyside.run(["identity", "new", "--cert", "/proc/c", "--private-key", "/proc/k"])
        #expect(outcome.status == .exited(74) && outcome.error.contains("/proc/k"))
    }
}
