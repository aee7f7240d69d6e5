// SPDX-License-Identifier: Apache-2.0

/// The name of a key at the key server: one or more characters.
///
/// Each protocol adds its own rules: KES allows 80 letters, digits, `-` and `_`; the static key of an object store may
/// have almost any name.
package struct KeyName: Hashable, Sendable, CustomStringConvertible {
    /// The name itself.
    package let description: String

    /// Nil if the name is empty.
    package init?(_ text: String) {
        guard !text.isEmpty else { return nil }
        self.description = text
    }
}
