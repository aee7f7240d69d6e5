// SPDX-License-Identifier: Apache-2.0

import Authorization
import Cryptography
import TestSupport
import Testing

@Suite("The gate")
struct GateTests {
    private static let identity = Sample.identity(1)
    private static let stranger = Sample.identity(2)

    private static func decide(allow: [String], deny: [String] = [], _ path: String) -> Decision {
        let policy = Policy(name: "app", allow: allow.map(PathPattern.init), deny: deny.map(PathPattern.init))
        let gate = Gate(policies: [policy], bindings: [(.identity(Self.identity), "app")])
        return gate.decide(.identity(Self.identity), Array(path.utf8).span)
    }

    @Test(
        "a pattern matches as it does with KES",
        arguments: [
            ("/v1/key/decrypt/app", "/v1/key/decrypt/app", true),
            ("/v1/key/decrypt/app", "/v1/key/decrypt/app2", false),
            ("/v1/key/decrypt/app", "/v1/key/decrypt/ap", false), ("/v1/key/decrypt/app", "/v1/key/decrypt/APP", false),
            ("/v1/key/decrypt/app*", "/v1/key/decrypt/app", true),
            ("/v1/key/decrypt/app*", "/v1/key/decrypt/app2", true),
            ("/v1/key/decrypt/app*", "/v1/key/decrypt/ap", false), ("/v1/key/decrypt/*", "/v1/key/decrypt/", true),
            ("/v1/key/decrypt/*", "/v1/key/decrypt", false),
            // A star crosses slashes.
            ("/v1/*", "/v1/key/decrypt/app", true), ("/v1/*", "/v1/status", true), ("/v1/*", "/version", false),
            // Elsewhere it is a character.
            ("/v1/key/*/app", "/v1/key/decrypt/app", false), ("/v1/key/*/app", "/v1/key/*/app", true),
            ("/v1/*/list/*", "/v1/key/list/a", false), ("/v1/*/list/*", "/v1/*/list/a", true),
            ("/v1/**", "/v1/*x", true), ("/v1/**", "/v1/x", false),
            // Nothing matches nothing, and a star alone all.
            ("", "", false), ("", "/", false), ("*", "", true), ("*", "/v1/key/delete/app", true),
            // Nor is anything else special.
            ("/v1/statu?", "/v1/status", false), ("/v1/[st]atus", "/v1/status", false),
            ("/v1/status", "/v1/status?x", false),
            // A list has its path like others.
            ("/v1/key/list/", "/v1/key/list/", true), ("/v1/key/list/*", "/v1/key/list/", true),
            ("/v1/key/list*", "/v1/key/list/", true), ("/v1/key/list/", "/v1/key/list/a", false),
        ])
    func patterns(pattern: String, path: String, matches: Bool) {
        #expect(PathPattern(pattern).matches(Array(path.utf8).span) == matches)
        #expect(Self.decide(allow: [pattern], path).isAllowed == matches)
        #expect(!Self.decide(allow: ["*"], deny: [pattern], path).isAllowed == matches)
    }

    @Test("a gate knows the principals that it names, whatever they may do")
    func knownPrincipals() {
        let gate = Gate(
            policies: [Policy(name: "shut")], bindings: [(.identity(Sample.identity(1)), "shut")],
            administrators: [.identity(Sample.identity(3))])
        #expect((UInt8(1)...4).map { gate.knows(.identity(Sample.identity($0))) } == [true, false, true, false])
    }

    @Test("a deny counts before an allow, whatever their order and length")
    func denyFirst() {
        let allow = ["/v1/key/decrypt/app-*", "/v1/key/decrypt/app-secret-1"]
        let deny = ["/v1/key/decrypt/app-secret*"]
        #expect(
            Self.decide(allow: allow, deny: deny, "/v1/key/decrypt/app-secret-1")
                == .denied(policy: "app", pattern: PathPattern(deny[0])))
        #expect(
            Self.decide(allow: allow, deny: deny, "/v1/key/decrypt/app-1")
                == .allowed(policy: "app", pattern: PathPattern(allow[0])))
        #expect(Self.decide(allow: allow, deny: deny, "/v1/key/generate/app-1") == .unmentioned)
    }

    @Test("whoever has no policy may nothing, and an administrator everything")
    func others() {
        let policy = Policy(name: "none", deny: [PathPattern("*")])
        let gate = Gate(
            policies: [policy], bindings: [(.identity(Self.identity), "none")],
            administrators: [.identity(Self.identity)])
        let path = Array("/v1/key/delete/app".utf8)
        #expect(gate.decide(.identity(Self.identity), path.span) == .administrator)
        #expect(gate.decide(.identity(Self.stranger), path.span) == .unknownPrincipal)
        #expect(!gate.isShut)
        #expect(Gate(policies: [policy], bindings: []).isShut)
    }

    @Test("of several policies every deny counts before any allow")
    func severalPolicies() {
        let open = Policy(name: "open", allow: [PathPattern("/v1/*")])
        let closed = Policy(name: "closed", deny: [PathPattern("/v1/key/delete/*")])
        let principal = Principal.identity(Self.identity)
        let gate = Gate(policies: [open, closed], bindings: [(principal, "closed"), (principal, "open")])
        #expect(gate.policies(of: principal) == ["open", "closed"])
        #expect(
            gate.decide(.one(principal), Array("/v1/key/delete/a".utf8).span)
                == .denied(policy: "closed", pattern: PathPattern("/v1/key/delete/*")))
        #expect(gate.decide(.one(principal), Array("/v1/status".utf8).span).isAllowed)
    }

    @Test("what KES's reference says that an object store needs is enough for it", arguments: Sample.objectStorePaths)
    func objectStore(path: String, isAllowed: Bool) {
        let allow = ["create", "generate", "decrypt", "describe", "list"].map { "/v1/key/\($0)/my-key*" }
        #expect(Self.decide(allow: allow + ["/v1/status", "/v1/api"], path).isAllowed == isAllowed)
    }
}

/// Random rules against a model of them that is too plain to be wrong.
@Suite("The gate and a plain model of its rules")
struct GateModelTests {
    @Test("10 000 random policies and paths are decided alike", arguments: [UInt64(1), 2, 3, 4])
    func agreement(seed: UInt64) {
        var world = RulesWorld(seed: seed)
        var allowed = 0
        for step in 1...2_500 {
            let rules = world.makeRules()
            let path = world.makePath()
            let decision = rules.gate.decide(.identity(rules.asker), Array(path.utf8).span)
            guard decision.isAllowed == rules.allows(path) else {
                Issue.record("seed \(seed), step \(step): \(decision) at '\(path)' by \(rules)")
                return
            }
            allowed += decision.isAllowed ? 1 : 0
        }
        // Neither answer is so rare that agreement on it says nothing.
        #expect((500...2_000).contains(allowed))
    }
}
