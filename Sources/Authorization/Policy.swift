// SPDX-License-Identifier: Apache-2.0

/// A named set of rules, as in KES.
package struct Policy: Hashable, Sendable {
    /// Unique among the policies of a gate.
    package let name: String
    /// Patterns of allowed paths.
    package let allow: [PathPattern]
    /// Patterns of denied paths; they override ``allow``.
    package let deny: [PathPattern]

    package init(name: String, allow: [PathPattern] = [], deny: [PathPattern] = []) {
        self.name = name
        self.allow = allow
        self.deny = deny
    }
}

extension Policy {
    /// Whether KES accepts a policy name: 1 to 80 letters, digits, `-` and `_`; no `-` at either end, and not `_`
    /// alone.
    package static func isName(_ text: String) -> Bool {
        (1...80).contains(text.utf8.count) && text != "_" && !text.hasPrefix("-") && !text.hasSuffix("-")
            && text.utf8.allSatisfy(Self.isAllowedInName)
    }

    private static func isAllowedInName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        case _:
            false
        }
    }
}
