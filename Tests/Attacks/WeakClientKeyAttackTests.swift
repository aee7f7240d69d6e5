// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// A client whose key others can compute from its certificate, or that costs the agent much time to check.
@Suite struct WeakClientKeyAttackTests {
    @Test("is refused in the handshake", arguments: RefusedTestKey.allCases)
    func isRefused(key: RefusedTestKey) throws {
        let files = try TLSFiles()
        let pair = try files.authority.issueClient(key: try key.makeKey())
        let authorities = try files.folder.write(files.authority.certificate, to: "clients.crt")
        let config = try files.folder.write(
            "policy: {store: {allow: [/v1/key/*], identities: [\(pair.identity)]}}", to: "weak.yaml")
        // An authority that the operator trusts may have signed what it should not.
        for demandsChain in [false, true] {
            try files.withAgent {
                $0.arguments += ["--config", config, "--log-level", "debug"]
                if demandsChain { $0.arguments += ["--tls-client-ca", authorities] }
            } body: { agent in
                // OpenSSL's client has some of these keys sign in TLS 1.2 only.
                for version in key.isForTLS13 ? TLSVersion.allCases : [.tls12] {
                    let client = TLSClient(trusting: agent.authority, as: pair, version: version)
                    #expect(throws: TestFailure.self) {
                        let answer = try RawConnection(toPort: agent.port, with: client).ask(.generate())
                        Issue.record("\(version): \(answer.text)")
                    }
                    try agent.agent.wait(for: "the reason") {
                        try agent.agent.log.contains("client certificate refused")
                    }
                    let failures = try agent.agent.metrics.value("keyside_failed_handshakes_total", ["listener": "tls"])
                    #expect(failures == (version == .tls12 ? 1 : 2))
                }
            }
        }
    }

    @Test("keys that are not weak are accepted", arguments: TestKeyKind.allCases, TLSVersion.allCases)
    func othersAreAccepted(kind: TestKeyKind, version: TLSVersion) throws {
        let files = try TLSFiles()
        let pair = try TestKeyPair.selfSigned(kind: kind)
        let config = try files.folder.write(
            "policy: {store: {allow: [/v1/key/*], identities: [\(pair.identity)]}}", to: "other.yaml")
        try files.withAgent {
            $0.arguments += ["--config", config]
        } body: { agent in
            let client = TLSClient(trusting: agent.authority, as: pair, version: version)
            let answer = try RawConnection(toPort: agent.port, with: client).ask(.generate())
            #expect(answer.isDataKey, "\(answer.text)")
        }
    }
}

extension RefusedTestKey {
    fileprivate var isForTLS13: Bool {
        switch self {
        case .rsa1024, .rsa2047, .rsa8704, .rsaExponent33Bits, .ed448: true
        case .p224, .secp256k1, .explicitP256: false
        }
    }
}
