// SPDX-License-Identifier: Apache-2.0

package import Cryptography

/// A party that policies can be bound to.
///
/// Each kind of party is a case of its own. ``Gate`` compares principals and does not look into them.
package enum Principal: Hashable, Sendable {
    /// A client that has proven by TLS that it holds the private key of this identity.
    case identity(Identity)
}

extension Principal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .identity(let identity): "identity \(identity)"
        }
    }
}
