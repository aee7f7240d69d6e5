// SPDX-License-Identifier: Apache-2.0

/// The name of a key at the key server: one or more characters.
///
/// What else a name may hold is the business of the protocol that carries it: KES allows 80 letters, digits, `-` and
/// `_`, the static key of an object store almost anything.
package struct KeyName: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// Nil if the name is empty.
    package init?(_ text: String) {
        guard !text.isEmpty else { return nil }
        self.description = text
    }
}
