// SPDX-License-Identifier: Apache-2.0

/// Whether a principal may request a path, and the reason.
package enum Decision: Equatable, Sendable {
    /// The principal is in 'admin.identities', which overrides policies.
    case administrator
    case allowed(policy: String, pattern: PathPattern)
    case denied(policy: String, pattern: PathPattern)
    /// None of the principal's policies matches the path.
    case unmentioned
    /// No policy is bound to the principal.
    case unknownPrincipal

    /// Whether the request may proceed.
    package var isAllowed: Bool {
        switch self {
        case .administrator, .allowed: true
        case .denied, .unmentioned, .unknownPrincipal: false
        }
    }
}
