// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import KeyService

extension KeyName {
    /// The name in a path, percent-escapes resolved.
    ///
    /// - Throws: the answer to a name that KES does not allow.
    package init(kes bytes: Span<UInt8>) throws(KESFailure) {
        let text = String(repairing: bytes)
        guard KeyNameRule.allows(bytes), let name = KeyName(text) else {
            throw KESFailure(
                status: 400,
                message: "key name '\(text)' is empty, too long or contains invalid characters"
            )
        }
        self = name
    }
}

extension KeyListingRequest {
    /// The pattern in a path, percent-escapes resolved: a prefix, with or without `*` behind it. (KES itself takes the
    /// `*` of `app*` literally and finds nothing.)
    ///
    /// - Throws: the answer to a pattern that KES does not allow.
    package init(kes bytes: Span<UInt8>) throws(KESFailure) {
        let text = String(repairing: bytes)
        guard KeyNameRule.allows(bytes, asPattern: true) else {
            throw KESFailure(status: 400, message: "listing pattern '\(text)' is empty, too long or is invalid")
        }
        self.init(prefix: text.hasSuffix("*") ? String(text.dropLast()) : text)
    }
}
