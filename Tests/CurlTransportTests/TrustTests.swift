// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import TestSupport
import Testing

@Suite(.serialized) struct TrustTests {
    @Test(arguments: [TransferEngine.HTTPVersion.http11, .http2])
    func aServerOfAnUnknownAuthorityIsNotTrusted(over version: TransferEngine.HTTPVersion) async throws {
        let other = try Trust.shared.issueServerOfAnotherAuthority()
        let server = try TestServer(certificate: other, protocols: ["h2", "http/1.1"])
        defer { server.stop() }
        try await withPool(.patient(version)) { pool async throws in
            let failure = try #require(await pool.failure(of: .get(server.endpoint)))
            #expect(
                failure.kind
                    == .notTrusted(
                        certificate: "CN=server (DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1), "
                            + "issued by CN=Somebody else",
                        reason: "unable to get local issuer certificate"))
            #expect(!failure.requestWasSent)
            #expect(server.requests.isEmpty)
        }
    }

    /// As after an authority was made anew.
    @Test func aServerOfAnAuthorityOfTheSameNameAndAnotherKeyIsNotTrusted() async throws {
        let other = try TestAuthority(name: "Keyside test authority").issueServer()
        let server = try TestServer(certificate: other)
        defer { server.stop() }
        try await withPool { pool async throws in
            let failure = try #require(await pool.failure(of: .get(server.endpoint)))
            guard case .notTrusted(let certificate, let reason) = failure.kind else {
                Issue.record("\(failure)")
                return
            }
            #expect(certificate.hasSuffix(", issued by CN=Keyside test authority"))
            #expect(reason == "certificate signature failure")
        }
    }

    @Test func aServerWithAnotherNameIsNotTrusted() async throws {
        let server = try TestServer(certificate: try Trust.shared.authority.issueServer(names: ["DNS:kes.example.com"]))
        defer { server.stop() }
        try await withPool { pool async throws in
            let failure = try #require(await pool.failure(of: .get(server.endpoint)))
            guard case .notTrusted(let certificate, let reason) = failure.kind else {
                Issue.record("\(failure)")
                return
            }
            #expect(certificate == "CN=server (DNS:kes.example.com), issued by CN=Keyside test authority")
            #expect(reason.contains("localhost"))
            #expect(!failure.requestWasSent)
        }
    }

    @Test(arguments: [
        (CertificateValidity.expired, "certificate has expired"),
        (.notYet, "certificate is not yet valid"),
    ])
    func aServerOutsideItsDatesIsNotTrusted(validity: CertificateValidity, expected: String) async throws {
        let server = try TestServer(certificate: try Trust.shared.authority.issueServer(validity: validity))
        defer { server.stop() }
        try await withPool { pool async throws in
            let failure = try #require(await pool.failure(of: .get(server.endpoint)))
            guard case .notTrusted(let certificate, let reason) = failure.kind else {
                Issue.record("\(failure)")
                return
            }
            #expect(certificate.hasPrefix("CN=server"))
            #expect(reason == expected)
        }
    }

    @Test(arguments: [TransferEngine.HTTPVersion.http11, .http2])
    func aServerThatDoesNotTakeOurCertificateIsToldFromABrokenOne(
        over version: TransferEngine.HTTPVersion
    ) async throws {
        let server = try TestServer(
            protocols: ["h2", "http/1.1"], clientAuthority: try Trust.shared.authority.certificate)
        defer { server.stop() }
        try await withPool(.patient(version)) { pool async throws in
            let failure = try #require(await pool.failure(of: .get(server.endpoint)))
            #expect(failure.kind == .tls, "\(failure)")
            #expect(failure.reason.contains("certificate required"))
        }
    }

    @Test func aServerThatSpeaksNoTLSIsToldFromABrokenOne() async throws {
        let server = try TestServer { $0.writeInTheClear("HTTP/1.1 400 Bad Request\r\n\r\n") }
        defer { server.stop() }
        try await withPool { pool async throws in
            #expect(await pool.failure(of: .get(server.endpoint))?.kind == .tls)
        }
    }
}
