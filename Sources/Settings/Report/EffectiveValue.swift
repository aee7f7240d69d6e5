// SPDX-License-Identifier: Apache-2.0

/// A setting or variable as it is in effect, fit to be shown: a secret one says only that it is set.
package struct EffectiveValue: Hashable, Sendable {
    package let name: String
    package let value: String
    /// `default`, `environment`, a flag, or a file and line.
    package let source: String

    /// - Parameter place: where the value was given; nil if it is the default.
    init(name: String, value: String, place: Place?) {
        self.name = name
        self.value = value
        self.source = place?.source ?? "default"
    }
}
