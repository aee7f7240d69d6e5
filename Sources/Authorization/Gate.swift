// SPDX-License-Identifier: Apache-2.0

/// Decides which principal may request which path.
///
/// The order of the rules is KES's:
/// 1. An administrator may request everything.
/// 2. A path that any policy of the principal denies is denied.
/// 3. A path that any policy of the principal allows is allowed.
/// 4. All other paths are denied.
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

    /// Decides whether the principal may request a path. Allocates nothing.
    ///
    /// - Parameter path: decoded, without the query. Methods make no difference.
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

    /// Whether the principal is an administrator or has a policy, regardless of what that policy allows.
    package func knows(_ principal: Principal) -> Bool {
        self.administrators.contains(principal) || self.bindings[principal] != nil
    }

    /// The names of the policies bound to a principal, in the order of the rules.
    package func policies(of principal: Principal) -> [String] {
        (self.bindings[principal] ?? []).map { self.policies[$0].name }
    }

    private static func first(of patterns: [PathPattern], matching path: Span<UInt8>) -> PathPattern? {
        for index in patterns.indices where patterns[index].matches(path) { return patterns[index] }
        return nil
    }
}
