// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// Why a text could not be parsed.
package enum JSONError: Error, Equatable, Sendable {
    /// The text at `offset`, in bytes from its start, is not what the grammar or the caller expects.
    case malformed(offset: Int, expected: Expectation)
    /// There is no locked memory for a secret at the moment. Says nothing about the text.
    case memory(LockedMemoryError)

    /// What was expected; the raw values complete "expected …".
    package enum Expectation: String, Sendable {
        case array = "an array"
        case base64 = "standard base64 with padding"
        case boolean = "true or false"
        case colon = "':'"
        case commaOrEnd = "',' or the closing bracket"
        case fewerLevels = "at most 512 levels of nesting"
        case integer = "a whole number"
        case name = "the name of a member"
        case object = "an object"
        case once = "each member at most once"
        case string = "a string"
        case stringByte = "UTF-8 without control characters and broken escapes, and a closing quote"
        case value = "a value"
    }
}

extension JSONError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let offset, let expected): "expected \(expected.rawValue) at byte \(offset)"
        case .memory: "no locked memory is free"
        }
    }
}
