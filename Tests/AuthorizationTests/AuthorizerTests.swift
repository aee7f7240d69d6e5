// SPDX-License-Identifier: Apache-2.0

import Authorization
import Cryptography
import KeyService
import Telemetry
import Testing

/// What every front asks about every request.
@Suite struct AuthorizerTests {
    private static func principal(_ byte: UInt8) -> Principal { .identity(Sample.identity(byte)) }

    private static func gate(_ policies: [(UInt8, Policy)], administrators: [UInt8] = []) -> Gate {
        Gate(
            policies: policies.map(\.1), bindings: policies.map { (Self.principal($0.0), $0.1.name) },
            administrators: Set(administrators.map(Self.principal)))
    }

    private static let open = Policy(name: "open", allow: [PathPattern("/v1/key/*")])
    private static let closed = Policy(name: "closed", deny: [PathPattern("/v1/key/decrypt/secret*")])

    private static func refusal(
        by authorizer: Authorizer, _ principals: PrincipalSet, _ operation: Operation?, _ path: String
    ) -> AuthorizationRefusal? {
        do throws(AuthorizationRefusal) {
            try authorizer.authorize(principals, to: operation, on: KeyName("a"), judgedBy: Array(path.utf8).span)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "a client has the policies of all its principals",
        arguments: [
            ([1], "/v1/key/decrypt/secret", nil), ([2], "/v1/key/decrypt/secret", .notAllowed),
            ([1, 2], "/v1/key/decrypt/secret", .notAllowed), ([2, 1], "/v1/key/decrypt/secret", .notAllowed),
            ([2, 1], "/v1/key/decrypt/a", nil), ([9, 9, 1], "/v1/key/decrypt/a", nil),
            ([2, 3], "/v1/key/decrypt/secret", nil), ([9], "/v1/key/decrypt/a", .notAllowed),
            ([], "/v1/key/decrypt/a", .noPrincipal),
        ] as [([UInt8], String, AuthorizationRefusal?)])
    func sets(principals: [UInt8], path: String, refusal: AuthorizationRefusal?) {
        let authorizer = Authorizer(Self.gate([(1, Self.open), (2, Self.closed)], administrators: [3]))
        let principals = PrincipalSet(principals.map(Self.principal))
        #expect(Self.refusal(by: authorizer, principals, .decrypt, path) == refusal)
        #expect(authorizer.denials.byPolicy.current == (refusal == .notAllowed ? 1 : 0))
        #expect(authorizer.denials.withoutPrincipal.current == (refusal == .noPrincipal ? 1 : 0))
    }

    @Test("health checks need no principal, everything else does", arguments: Operation.allCases)
    func open(operation: Operation) {
        let authorizer = Authorizer(Self.gate([]))
        let isOpen = [.version, .ready].contains(operation)
        #expect((Self.refusal(by: authorizer, .none, operation, "/v1/x") == nil) == isOpen)
        #expect((Self.refusal(by: authorizer, .one(Self.principal(1)), operation, "/v1/x") == nil) == isOpen)
    }

    @Test func aLocalClientMayDoEverything() {
        let authorizer = Authorizer(Self.gate([]))
        #expect(Self.refusal(by: authorizer, .local, .deleteKey, "/v1/key/delete/a") == nil)
        #expect(Self.refusal(by: authorizer, .local, nil, "/v1/keyside/cache") == nil)
        #expect(Self.refusal(by: authorizer, .none, nil, "/v1/keyside/cache") == .noPrincipal)
    }

    @Test func newRulesJudgeTheNextRequest() {
        let authorizer = Authorizer(Self.gate([(1, Self.open)]))
        let client = PrincipalSet.one(Self.principal(1))
        #expect(authorizer.knows(client))
        #expect(Self.refusal(by: authorizer, client, .decrypt, "/v1/key/decrypt/a") == nil)
        authorizer.replace(with: Self.gate([(2, Self.open)]))
        #expect(!authorizer.knows(client))
        #expect(Self.refusal(by: authorizer, client, .decrypt, "/v1/key/decrypt/a") == .notAllowed)
    }
}
