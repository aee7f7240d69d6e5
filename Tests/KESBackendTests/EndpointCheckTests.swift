// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import CurlTransport
import KESProtocol
import KeyService
import TestSupport
import Testing

@testable import Cluster
@testable import KESBackend

/// What `keyside check --connect` finds at an endpoint, and what it advises.
@Suite struct EndpointCheckTests {
    private typealias Reaction = ScriptedTransport.Reaction

    private static let identity = String(repeating: "0123456789abcdef", count: 4)
    private static let denied = Reaction.message(403, "not authorized: insufficient permissions")
    private static let dataKey = Reaction.answer(
        200, #"{"plaintext":"\#(String(repeating: "A", count: 43))=","ciphertext":"AQID"}"#)
    private static let opened = Reaction.answer(200, #"{"plaintext":"\#(String(repeating: "A", count: 43))="}"#)

    /// What a good server answers, but for `changes`.
    private static func find(_ changes: [Operation: Reaction]) async throws -> EndpointCheck.Finding {
        let good: [Operation: Reaction] = [
            .version: .answer(200, #"{"version":"2025","commit":"c"}"#), .status: .status, .generateKey: Self.dataKey,
            .decrypt: Self.opened,
        ]
        let reactions = good.merging(changes) { $1 }
        let clock = ManualClock()
        let transport = ScriptedTransport(clock: clock) { ask in
            let endpoint = KESRoute(decodedPath: Array(ask.path.utf8).span)?.endpoint
            return endpoint.flatMap { reactions[$0] } ?? .message(404, "unexpected")
        }
        let trial = EndpointCheck(
            transport: transport, keyName: try #require(KeyName("my-key")), memory: try SharedMemory.secrets,
            timeout: .seconds(2), clock: clock)
        return await trial.run(at: "a")
    }

    /// The advice, as one line.
    private static func advice(_ finding: EndpointCheck.Finding) throws -> String {
        switch finding {
        case .works: return ""
        case .failed(let failure):
            let advice = failure.advice(identity: Self.identity, keyName: try #require(KeyName("my-key")))
            return "\(advice.problem); \(advice.remedy)"
        }
    }

    @Test("a server that does all there is to do works, even where it does not tell its status")
    func works() async throws {
        #expect(try await Self.find([:]) == .works(version: "2025", latency: .zero))
        #expect(try await Self.find([.status: Self.denied]) == .works(version: "2025", latency: .zero))
    }

    @Test(
        "the way there is told from what is there, and each has its remedy",
        arguments: [
            (TransferFailure.Kind.nameNotResolved, "its name is not resolved", "MINIO_KMS_KES_ENDPOINT"),
            (.refused, "no connection", "start the server"),
            (.notTrusted(certificate: "CN=kes", reason: "expired"), "(CN=kes)", "MINIO_KMS_KES_CAPATH"),
            (.tls, "TLS failed", Self.identity),
            (.timedOut(whileConnecting: true), "no connection in time", "packets"),
            (.timedOut(whileConnecting: false), "no answer in time", "log"),
            (.broken, "the connection broke", "log"), (.noMemory, "memory", "LimitMEMLOCK"),
        ]
    )
    func notReached(kind: TransferFailure.Kind, problem: String, remedy: String) async throws {
        let finding = try await Self.find([.version: .failure(kind, wasSent: false)])
        guard case .failed(.notReached(let failure)) = finding else {
            Issue.record("\(finding)")
            return
        }
        #expect(failure.kind == kind)
        let advice = try Self.advice(finding)
        #expect(advice.contains(problem))
        #expect(advice.contains(remedy))
    }

    @Test("an identity that may do nothing is told from one that may do something")
    func permissions() async throws {
        let nothing = try await Self.find([
            .status: Self.denied, .generateKey: Self.denied, .decrypt: Self.denied,
        ])
        #expect(nothing == .failed(.identityUnknown))
        #expect(try Self.advice(nothing).contains(Self.identity))

        let status = try await Self.find([.generateKey: Self.denied, .decrypt: Self.denied])
        #expect(status == .failed(.notPermitted([.generateKey, .decrypt])))
        #expect(
            try Self.advice(status)
                == "the identity's policy does not allow to generate or to decrypt; allow /v1/key/generate/my-key and "
                + "/v1/key/decrypt/my-key in the policy of \(Self.identity)")

        #expect(try await Self.find([.decrypt: Self.denied]) == .failed(.notPermitted([.decrypt])))
        let decrypting = try await Self.find([
            .generateKey: Self.denied, .decrypt: .message(400, "decryption failed: ciphertext is not authentic"),
        ])
        #expect(decrypting == .failed(.notPermitted([.generateKey])))
    }

    @Test func aMissingKeyComesWithTheCommandThatMakesIt() async throws {
        let finding = try await Self.find([.generateKey: .message(404, "key does not exist")])
        #expect(finding == .failed(.keyMissing))
        #expect(try Self.advice(finding).contains("keyside key create my-key"))
    }

    @Test("a server in trouble, and something that is no server, are told as what they are")
    func trouble() async throws {
        #expect(
            try await Self.find([.status: .answer(200, #"{"keystore_unreachable":true}"#)])
                == .failed(.keyStoreUnreachable))
        let failing = try await Self.find([.generateKey: .message(500, "failed to generate encryption key")])
        #expect(
            failing
                == .failed(
                    .refused(.generateKey, KESFailure(status: 500, message: "failed to generate encryption key"))))
        #expect(try Self.advice(failing).contains("500: failed to generate encryption key"))
        let page = try await Self.find([.version: .answer(200, "<html>")])
        guard case .failed(.unusable(.version, _)) = page else {
            Issue.record("\(page)")
            return
        }
        #expect(try Self.advice(page).hasPrefix("no KES server answers there"))
        let proxy = try await Self.find([.version: .message(404, "not found")])
        #expect(proxy == .failed(.refused(.version, KESFailure(status: 404, message: "not found"))))
    }

    @Test("a server that opens data keys wrongly is not to be used")
    func opensWrongly() async throws {
        #expect(try await Self.find([.decrypt: .plaintext]) == .failed(.opensWrongly))
    }

    @Test("findings come in the order of the endpoints")
    func order() async throws {
        let transport = ScriptedTransport { $0.endpoint == "b" ? .refused : Self.denied }
        let trial = EndpointCheck(
            transport: transport, keyName: try #require(KeyName("k")), memory: try SharedMemory.secrets,
            timeout: .seconds(2), clock: ManualClock())
        let findings = await trial.run(at: ["a", "b", "c"])
        #expect(findings.count == 3)
        #expect(findings[0] == .failed(.identityUnknown))
        #expect(findings[1] != .failed(.identityUnknown))
        #expect(findings[2] == .failed(.identityUnknown))
    }
}
