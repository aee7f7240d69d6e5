// SPDX-License-Identifier: Apache-2.0

/// What a credential is for, as metrics and logs call it.
package enum CredentialRole: String, Sendable, CaseIterable {
    /// The certificate that the agent shows to key servers, and its key.
    case client = "upstream"
    /// Whom it believes.
    case authorities = "upstream_ca"
}

/// Something about credentials that the operator should know: where, what, and what to do.
package struct CredentialNotice: Hashable, Sendable, CustomStringConvertible {
    /// A variable, and the file that it names: `MINIO_KMS_KES_KEY_FILE: /etc/keyside/client.key`.
    package let place: String
    package let message: String
    package let remedy: String?

    init(_ place: String, _ message: String, remedy: String? = nil) {
        self.place = place
        self.message = message
        self.remedy = remedy
    }

    package var description: String { "\(self.place): \(self.message)" + (self.remedy.map { "; \($0)" } ?? "") }
}

/// Why credentials cannot be used. Tells where, what is wrong and what was expected; never a secret.
package struct CredentialFault: Error, Hashable, Sendable, CustomStringConvertible {
    package let role: CredentialRole
    package let notice: CredentialNotice

    package var description: String { self.notice.description }
}
