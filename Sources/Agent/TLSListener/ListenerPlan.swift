// SPDX-License-Identifier: Apache-2.0

package import Authorization
package import Cryptography
package import Linux
package import Settings

/// The TLS listener that the settings describe, its files read: all that a transport has to know.
package struct ListenerPlan: Sendable {
    package let address: ListenAddress
    /// What the server shows: certificate, those above it, private key.
    package let certifiedKey: CertifiedKey
    /// Whose certificates clients must have. Nil: any certificate will do.
    package let clientAuthorities: [Certificate]?
}

extension Gate {
    /// The rules of the settings.
    package init(_ settings: AgentSettings) {
        self.init(
            policies: settings.policies.map(\.policy),
            bindings: settings.policies.flatMap { bound in
                bound.identities.map { (.identity($0), bound.policy.name) }
            },
            administrators: Set(settings.admin.identities.map(Principal.identity)))
    }
}
