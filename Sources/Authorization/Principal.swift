// SPDX-License-Identifier: Apache-2.0

package import Cryptography

/// Somebody whom policies can be bound to.
///
/// Whatever an operator can bind a policy to is a case of its own: ``Gate`` looks principals up and does not look into them.
package enum Principal: Hashable, Sendable {
    /// Whoever has proven by TLS to have this key.
    case identity(Identity)
}

extension Principal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .identity(let identity): "identity \(identity)"
        }
    }
}
