// SPDX-License-Identifier: Apache-2.0

/// Who may ask for what: policies, and to whom they are bound, ready to be asked on the way of every request.
///
/// The order is KES's:
/// 1. An administrator may do everything.
/// 2. What a policy of the client denies is denied, whatever another allows.
/// 3. What a policy of the client allows is allowed.
/// 4. All else is not.
///
/// A client can have several principals. It has the policies of all of them, and is an administrator if one of them is.
///
/// Immutable. New rules are a new gate.
package struct Gate: Sendable {
    private let policies: [Policy]
    /// Of each principal, where its policies stand in ``policies``, in ascending order and each once.
    private let bindings: [Principal: [Int]]
    private let administrators: Set<Principal>

    /// - Parameter bindings: the policies of each principal; which of them a principal may have more than one of is for
    ///   whoever reads the rules to say.
    package init(
        policies: [Policy], bindings: [(principal: Principal, policy: String)], administrators: Set<Principal> = []
    ) {
        self.policies = policies
        self.administrators = administrators
        var indices: [Principal: Set<Int>] = [:]
        for (principal, name) in bindings {
            guard let index = policies.firstIndex(where: { $0.name == name }) else {
                preconditionFailure("there is no policy '\(name)' to bind somebody to")
            }
            indices[principal, default: []].insert(index)
        }
        self.bindings = indices.mapValues { $0.sorted() }
    }

    /// Whether nobody may do anything: there is no administrator, and no policy is bound to anybody.
    package var isShut: Bool { self.administrators.isEmpty && self.bindings.isEmpty }

    /// Whether a client with these principals may ask for a path, and why. Allocates nothing.
    ///
    /// - Parameter path: decoded, as it is routed by; without query. Methods make no difference.
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

    /// Whether one of the principals is an administrator or has a policy, whatever that policy allows.
    package func knows(_ principals: PrincipalSet) -> Bool {
        principals.contains { self.administrators.contains($0) || self.bindings[$0] != nil }
    }

    /// The names of the policies that are bound to a principal, in the order of the rules.
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
