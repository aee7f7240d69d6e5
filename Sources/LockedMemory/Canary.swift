// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Eight random bytes behind every secret, chosen once per process. If they have changed when the secret is released,
/// code wrote past its end: the process aborts rather than serve keys from damaged memory.
enum Canary {
    static let byteCount = 8

    private static let value: UInt64 = {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }()

    static func plant(at address: UnsafeMutableRawPointer) {
        unsafe address.storeBytes(of: Self.value, as: UInt64.self)
    }

    static func check(at address: UnsafeMutableRawPointer) {
        guard unsafe address.loadUnaligned(as: UInt64.self) == Self.value else {
            fatalError("locked memory is damaged: something wrote past the end of a secret")
        }
    }
}
