// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Testing

struct IdentityTests {
    @Test("It is 32 bytes, written as KES writes them")
    func text() throws {
        let identity = try #require(Identity(0..<32))
        #expect(identity.description == "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
        #expect(identity.bytes == Array(0..<32))
        #expect(Identity(0..<31) == nil)
        #expect(Identity(0..<33) == nil)
    }

    @Test("Each of its bytes counts")
    func equality() throws {
        let identity = try #require(Identity(0..<32))
        for index in 0..<32 {
            var bytes = [UInt8](0..<32)
            bytes[index] ^= 1
            let other = try #require(Identity(bytes))
            #expect(other != identity)
            #expect(Set([identity, other, identity]).count == 2)
        }
    }
}
