// SPDX-License-Identifier: Apache-2.0

/// The cipher that a key is used with.
package enum KeyAlgorithm: Sendable, CaseIterable {
    case aes256
    case chaCha20
}

/// The properties of a key, as a key server reports them.
package struct KeyDescription: Equatable, Sendable {
    package var name: KeyName
    /// Nil if the key server does not name a known cipher.
    package var algorithm: KeyAlgorithm?
    /// RFC 3339 in UTC, as the key server wrote it.
    package var createdAt: String
    /// The identity that created it, if the server knows.
    package var createdBy: String?

    package init(name: KeyName, algorithm: KeyAlgorithm?, createdAt: String, createdBy: String?) {
        self.name = name
        self.algorithm = algorithm
        self.createdAt = createdAt
        self.createdBy = createdBy
    }
}

/// Key names in bytewise order.
package struct KeyListing: Equatable, Sendable {
    /// In bytewise order.
    package var names: [KeyName]
    /// Where the next page starts; nil when this is all.
    package var continueAt: String?

    package init(names: [KeyName], continueAt: String? = nil) {
        self.names = names
        self.continueAt = continueAt
    }
}

/// Which keys to list: those whose names begin with `prefix`, from `continueAt` on.
package struct KeyListingRequest: Equatable, Sendable {
    /// Empty: all names.
    package var prefix: String
    /// Empty: from the beginning.
    package var continueAt: String

    package init(prefix: String = "", continueAt: String = "") {
        self.prefix = prefix
        self.continueAt = continueAt
    }
}
