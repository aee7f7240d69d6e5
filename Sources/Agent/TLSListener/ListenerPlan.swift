// SPDX-License-Identifier: Apache-2.0

package import Authorization
package import Cryptography
package import Linux
package import Settings

/// The TLS listener that the settings describe, with the contents of its files.
package struct ListenerPlan: Sendable {
    /// Address and port to listen on.
    package let address: ListenAddress
    /// The server's certificate chain and private key.
    package let certifiedKey: CertifiedKey
    /// CA certificates for client certificates. Nil: any client certificate is accepted.
    package let clientAuthorities: [Certificate]?
}

extension Gate {
    /// The access rules of the settings.
    package init(_ settings: AgentSettings) {
        self.init(
            policies: settings.policies.map(\.policy),
            bindings: settings.policies.flatMap { bound in
                bound.identities.map { (.identity($0), bound.policy.name) }
            },
            administrators: Set(settings.admin.identities.map(Principal.identity)))
    }
}
