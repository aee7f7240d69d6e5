// SPDX-License-Identifier: Apache-2.0

import KeyService

@testable import KeyCache

extension KeyName {
    /// - Precondition: the text is not empty.
    static func named(_ text: String) -> KeyName {
        guard let name = KeyName(text) else { preconditionFailure("a key without a name") }
        return name
    }
}

extension Fingerprint {
    /// A different one for each number, spread as hashes are.
    static func number(_ number: Int) -> Fingerprint {
        var hash = SipHash128(key: (low: 1, high: 2))
        hash.append(UInt64(number))
        return hash.finish()
    }
}

extension BootTime {
    static func seconds(_ count: Int) -> BootTime { BootTime(nanoseconds: count * 1_000_000_000) }
    static func milliseconds(_ count: Int) -> BootTime { BootTime(nanoseconds: count * 1_000_000) }
}
