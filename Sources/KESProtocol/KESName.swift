// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import KeyService

/// KES's rule for names: 1 to 80 letters, digits, `-` and `_`; no `-` at either end, and not `_` alone.
private enum KESName {
    static let byteCountMax = 80

    /// - Parameter isPattern: whether the text may be empty, and may end in `*`.
    static func isValid(_ text: Span<UInt8>, isPattern: Bool) -> Bool {
        guard !text.isEmpty else { return isPattern }
        let end = text.count - 1
        for index in text.indices {
            let isStar = isPattern && index == end && text[index] == UInt8(ascii: "*")
            guard isStar || Self.isAllowed(text[index]) else { return false }
        }
        return text.count <= Self.byteCountMax && text[0] != UInt8(ascii: "-") && text[end] != UInt8(ascii: "-")
            && !(end == 0 && text[0] == UInt8(ascii: "_"))
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default:
            false
        }
    }
}

extension KeyName {
    /// - Parameter bytes: from the path of a request, percent-decoded.
    /// - Throws: KES's failure for an invalid name.
    package init(kes bytes: Span<UInt8>) throws(KESFailure) {
        let text = String(repairing: bytes)
        guard KESName.isValid(bytes, isPattern: false), let name = KeyName(text) else {
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
        guard KESName.isValid(bytes, isPattern: true) else {
            throw KESFailure(status: 400, message: "listing pattern '\(text)' is empty, too long or is invalid")
        }
        self.init(prefix: text.hasSuffix("*") ? String(text.dropLast()) : text)
    }
}
