// SPDX-License-Identifier: Apache-2.0

/// Who may ask for what: policies, and to whom they are bound, ready to be asked on the way of every request.
///
/// The order is KES's:
/// 1. An administrator may everything.
/// 2. What a policy of the principal denies is denied, whatever another allows.
/// 3. What a policy of the principal allows is allowed.
/// 4. All else is not.
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

    /// Whether the principal may ask for a path, and why. Allocates nothing.
    ///
    /// - Parameter path: decoded, as it is routed by; without query. Methods make no difference.
    package func decide(_ principal: Principal, _ path: Span<UInt8>) -> Decision {
        if self.administrators.contains(principal) { return .administrator }
        guard let indices = self.bindings[principal] else { return .unknownPrincipal }
        for index in indices {
            guard let pattern = Self.first(of: self.policies[index].deny, matching: path) else { continue }
            return .denied(policy: self.policies[index].name, pattern: pattern)
        }
        for index in indices {
            guard let pattern = Self.first(of: self.policies[index].allow, matching: path) else { continue }
            return .allowed(policy: self.policies[index].name, pattern: pattern)
        }
        return .unmentioned
    }

    /// Whether the principal is an administrator or has a policy, whatever that policy allows.
    package func knows(_ principal: Principal) -> Bool {
        self.administrators.contains(principal) || self.bindings[principal] != nil
    }

    /// The names of the policies that are bound to a principal, in the order of the rules.
    package func policies(of principal: Principal) -> [String] {
        (self.bindings[principal] ?? []).map { self.policies[$0].name }
    }

    private static func first(of patterns: [PathPattern], matching path: Span<UInt8>) -> PathPattern? {
        for index in patterns.indices where patterns[index].matches(path) { return patterns[index] }
        return nil
    }
}
