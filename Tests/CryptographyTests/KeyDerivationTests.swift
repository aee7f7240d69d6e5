// SPDX-License-Identifier: Apache-2.0

import Cryptography
import LockedMemory
import TestSupport
import Testing

struct KeyDerivationTests {
    struct Code: Sendable, CustomTestStringConvertible {
        let source: String
        let key: [UInt8]
        let message: [UInt8]
        let code: String

        var testDescription: String { self.source }
    }

    static let codes = [
        Code(
            source: "RFC 4231, test case 1",
            key: [UInt8](repeating: 0x0b, count: 20),
            message: Array("Hi There".utf8),
            code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        Code(
            source: "RFC 4231, test case 2",
            key: Array("Jefe".utf8),
            message: Array("what do ya want for nothing?".utf8),
            code: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        Code(
            source: "RFC 4231, test case 3",
            key: [UInt8](repeating: 0xaa, count: 20),
            message: [UInt8](repeating: 0xdd, count: 50),
            code: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        Code(
            source: "RFC 4231, test case 6: a key longer than a block",
            key: [UInt8](repeating: 0xaa, count: 131),
            message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            code: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        Code(
            source: "an empty message",
            key: (0..<32).map { UInt8($0) },
            message: [],
            code: "d38b42096d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb"
        ),
    ]

    @Test("A code is as published, the second time too", arguments: Self.codes)
    func code(_ vector: Code) throws {
        let memory = try SharedMemory.secrets
        let hmac = try HMACSHA256(key: SharedSecret(try Secret(vector.key, in: memory)))
        let other = vector.message + [1]
        for _ in 1...3 {
            #expect(try hmac.code(of: vector.message.span, into: memory).array == [UInt8](hex: vector.code))
            #expect(try hmac.code(of: other.span, into: memory).array != [UInt8](hex: vector.code))
        }
    }

    @Test("Without locked memory for a code there is none")
    func exhaustion() throws {
        _ = try SharedMemory.secrets
        SharedMemory.giveToOpenSSL()
        let memory = try SecretMemory(slotCount: 1, allowUnlocked: true)
        let hmac = try HMACSHA256(key: SharedSecret(try Secret(byteCount: 32, in: memory)))
        let message: [UInt8] = []
        #expect(throws: CryptographyError.memory(.exhausted)) {
            _ = try hmac.code(of: message.span, into: memory).byteCount
        }
    }

    @Test("HChaCha20 derives the key of draft-irtf-cfrg-xchacha, section 2.2.1, and KES's")
    func hChaCha20() throws {
        let memory = try SharedMemory.secrets
        let key = try Secret((0..<32).map { UInt8($0) }, in: memory)
        let hChaCha20 = try HChaCha20()

        let published = try hChaCha20.deriveKey(
            from: key,
            iv: HChaCha20.InitializationVector([UInt8](hex: "000000090000004a0000000031415927")),
            into: memory
        )
        #expect(
            published.array == [UInt8](hex: "82413b4227b27bfed30e42508a877d73 a0f9e4d58a74a853c12ec41326d3ecdc")
        )

        let atKES = try hChaCha20.deriveKey(
            from: key,
            iv: HChaCha20.InitializationVector((0xa0...0xaf).map { UInt8($0) }),
            into: memory
        )
        #expect(atKES.array == [UInt8](hex: "63af6fb4d59bc1c804aa5445ac7b83ad 4a382704316d56d2c89aca16db68ee39"))
    }
}
