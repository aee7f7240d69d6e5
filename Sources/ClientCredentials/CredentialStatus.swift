// SPDX-License-Identifier: Apache-2.0

import CertificateRotation
package import Cryptography

/// How credentials stand, for metrics and for `keyside status`.
package struct CredentialStatus: Sendable {
    /// What the key servers know the agent as: 64 hexadecimal digits.
    package private(set) var identity: String
    /// When the client's certificate is valid.
    package private(set) var validity: Validity
    /// How often what files hold has replaced what was in use, and how often it was refused; once for each fault.
    package private(set) var replaced: [CredentialRole: Int] = [:]
    package private(set) var refused: [CredentialRole: Int] = [:]
    /// Why what files hold is not in use.
    package private(set) var faults: [CredentialRole: CredentialFault] = [:]

    init(_ identity: CertifiedKey) {
        self.identity = identity.identity
        self.validity = identity.validity
    }

    mutating func note(_ decision: Rotation<CredentialFault>.Decision, on role: CredentialRole, identity: CertifiedKey)
    {
        self.identity = identity.identity
        self.validity = identity.validity
        switch decision {
        case .take:
            self.replaced[role, default: 0] += 1
            self.faults[role] = nil
        case .recover:
            self.faults[role] = nil
        case .refuse(let fault):
            self.refused[role, default: 0] += 1
            self.faults[role] = fault
        case .keep, .lookAgain:
            break
        }
    }
}
