// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import KeyService

extension KeyName {
    /// - Parameter bytes: from the path of a request, percent-decoded.
    /// - Throws: KES's failure for an invalid name.
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
    /// A listing pattern: a prefix, optionally followed by `*`. KES itself takes the `*` of `app*` literally and finds
    /// nothing.
    ///
    /// - Parameter bytes: from the path of a request, percent-decoded.
    /// - Throws: KES's failure for an invalid pattern.
    package init(kes bytes: Span<UInt8>) throws(KESFailure) {
        let text = String(repairing: bytes)
        guard KeyNameRule.allows(bytes, asPattern: true) else {
            throw KESFailure(status: 400, message: "listing pattern '\(text)' is empty, too long or is invalid")
        }
        self.init(prefix: text.hasSuffix("*") ? String(text.dropLast()) : text)
    }
}
