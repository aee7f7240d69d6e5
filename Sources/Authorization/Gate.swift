// SPDX-License-Identifier: Apache-2.0

/// Decides which client may request which path.
///
/// The order of the rules is KES's:
/// 1. An administrator may request everything.
/// 2. A path that any policy of the client denies is denied.
/// 3. A path that any policy of the client allows is allowed.
/// 4. All other paths are denied.
///
/// A client can have several principals. It has the policies of all of them, and is an administrator if one of them is.
///
/// Immutable: a new set of rules is a new gate.
package struct Gate: Sendable {
    private let policies: [Policy]
    /// For each principal, the indices of its policies in ``policies``, ascending and unique.
    private let bindings: [Principal: [Int]]
    private let administrators: Set<Principal>

    /// - Parameter bindings: policy names by principal. The caller decides which principals may have more than one
    ///   policy.
    package init(
        policies: [Policy], bindings: [(principal: Principal, policy: String)], administrators: Set<Principal> = []
    ) {
        self.policies = policies
        self.administrators = administrators
        var indices: [Principal: Set<Int>] = [:]
        for (principal, name) in bindings {
            guard let index = policies.firstIndex(where: { $0.name == name }) else {
                preconditionFailure("bound to an unknown policy: \(name)")
            }
            indices[principal, default: []].insert(index)
        }
        self.bindings = indices.mapValues { $0.sorted() }
    }

    /// Whether every request is denied: there are no administrators, and no policy is bound to a principal.
    package var isShut: Bool { self.administrators.isEmpty && self.bindings.isEmpty }

    /// Decides whether a client with these principals may request a path. Allocates nothing.
    ///
    /// - Parameter path: decoded, without the query. Methods make no difference.
    package func decide(_ principals: PrincipalSet, _ path: Span<UInt8>) -> Decision {
        if principals.contains(where: self.administrators.contains) { return .administrator }
        if let denied = principals.firstResult({ self.rule(of: $0, matching: path) { $0.deny } }) {
            return .denied(policy: denied.policy, pattern: denied.pattern)
        }
        if let allowed = principals.firstResult({ self.rule(of: $0, matching: path) { $0.allow } }) {
            return .allowed(policy: allowed.policy, pattern: allowed.pattern)
        }
        return principals.contains { self.bindings[$0] != nil } ? .unmentioned : .unknownPrincipal
    }

    /// Whether one of the principals is an administrator or has a policy, regardless of what that policy allows.
    package func knows(_ principals: PrincipalSet) -> Bool {
        principals.contains { self.administrators.contains($0) || self.bindings[$0] != nil }
    }

    /// The names of the policies bound to a principal, in the order of the rules.
    package func policies(of principal: Principal) -> [String] {
        (self.bindings[principal] ?? []).map { self.policies[$0].name }
    }

    /// The first rule that fits, of the principal's policies in the order of the rules.
    private func rule(
        of principal: Principal, matching path: Span<UInt8>, among patterns: (Policy) -> [PathPattern]
    ) -> (policy: String, pattern: PathPattern)? {
        for index in self.bindings[principal] ?? [] {
            guard let pattern = Self.first(of: patterns(self.policies[index]), matching: path) else { continue }
            return (self.policies[index].name, pattern)
        }
        return nil
    }

    private static func first(of patterns: [PathPattern], matching path: Span<UInt8>) -> PathPattern? {
        for index in patterns.indices where patterns[index].matches(path) { return patterns[index] }
        return nil
    }
}
