// SPDX-License-Identifier: Apache-2.0

/// A setting or variable in effect, safe to print: a secret one shows only that it is set.
package struct EffectiveValue: Hashable, Sendable {
    package let name: String
    /// In the format of settings; never a secret.
    package let value: String
    /// `default`, `environment`, a flag, or a file and line.
    package let source: String

    /// - Parameter place: where the value was set; nil for the default.
    init(name: String, value: String, place: Place?) {
        self.name = name
        self.value = value
        self.source = place?.source ?? "default"
    }
}
