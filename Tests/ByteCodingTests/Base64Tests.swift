// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import LockedMemory
import Primitives
import TestSupport
import Testing

@Suite struct Base64Tests {
    @Test(
        "the vectors of RFC 4648",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ]
    )
    func vectors(plain: String, encoded: String) throws {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(try Base64.decode(Array(encoded.utf8).span) == Array(plain.utf8))
    }

    @Test("every character stands for its value")
    func alphabet() throws {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        let bytes: [UInt8] = (0..<16)
            .flatMap { group -> [UInt8] in
                let (a, b, c, d) = (group * 4, group * 4 + 1, group * 4 + 2, group * 4 + 3)
                return [UInt8(a << 2 | b >> 4), UInt8((b << 4 | c >> 2) & 255), UInt8((c << 6 | d) & 255)]
            }
        #expect(Base64.encode(bytes) == alphabet)
        #expect(try Base64.decode(Array(alphabet.utf8).span) == bytes)
    }

    @Test("no other byte stands for anything, wherever it is", arguments: 0..<4)
    func strangers(position: Int) {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n".utf8)
        for byte in UInt8.min...UInt8.max where !alphabet.contains(byte) {
            var text = Array("AAAAAAAA".utf8)
            text[4 + position] = byte
            #expect(throws: Base64.Malformed(offset: 4 + position)) { try Base64.decode(text.span) }
        }
    }

    @Test("what was encoded is decoded, at all lengths", arguments: 0...100)
    func roundTrip(count: Int) throws {
        var generator = SeededGenerator(seed: UInt64(count))
        let memory = try SecretMemory(slotCount: 4, allowUnlocked: true)
        let bytes = generator.bytes(count)
        let text = Base64.encodedBytes(bytes.span)
        #expect(text.count == Base64.encodedByteCount(count))
        #expect(text.count % 4 == 0)
        #expect(try Base64.decode(text.span) == bytes)
        #expect(try Base64.decode(text.span, into: memory).array == bytes)

        var written = [UInt8](repeating: 0, count: text.count)
        let room = unsafe written.withUnsafeMutableBytes { buffer in
            var output = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
            Base64.encode(bytes.span, into: &output)
            return output.freeCapacity
        }
        #expect(room == 0)
        #expect(written == text)
    }

    @Test(
        "as Go: line ends anywhere, unused bits of any value",
        arguments: [
            ("Zm9v\r\n", "foo"), ("\nZm9v", "foo"), ("Z\nm\r9\n\nv", "foo"), ("Zm8\n=", "fo"), ("Zg=\r\n=", "f"),
            ("Zg==\n\n", "f"), ("Zh==", "f"), ("Zm9=", "fo"), ("\r\n", ""), ("Zm9vZ\ng==", "foof"),
        ]
    )
    func lenient(text: String, plain: String) throws {
        #expect(try Base64.decode(Array(text.utf8).span) == Array(plain.utf8))
    }

    @Test(
        "where a text stops being base64, as Go counts",
        arguments: [
            ("Z", 0), ("Zm", 0), ("Zm9", 0), ("Zm9vZ", 4), ("Zm9vZm8", 4), ("Zm9\n", 1),
            ("=", 0), ("Z=", 1), ("====", 0), ("Zg=", 3), ("Zg=\n", 4), ("Zg=A", 2), ("Zg=\nA", 3),
            ("Zg==Zg==", 4), ("Zg===", 4), ("Zm8=A", 4), ("Zm8==", 4), ("Zm9v=", 4), ("Zm9v ", 4), (" Zm9v", 0),
            ("eEm-JI9/q4JhH8QwKvf3LKo4DEBl6QbfvAl1CAbMIv8=", 3),
            ("eEm+JI9/q4JhH8QwKvf3LKo4DEBl6QbfvAl1CAbMIv8", 40),
            ("eEm+JI9/q4JhH8QwKvf3LKo4DEBl6QbfvAl1CAbMIv8= ", 44),
            ("k1:eEm+JI9/q4JhH8QwKvf3LKo4DEBl6QbfvAl1CAbMIv8=", 2),
        ]
    )
    func malformed(text: String, offset: Int) {
        #expect(throws: Base64.Malformed(offset: offset)) { try Base64.decode(Array(text.utf8).span) }
    }

    @Test("a secret that is not base64 leaves nothing behind")
    func malformedSecret() throws {
        let memory = try SecretMemory(slotCount: 4, allowUnlocked: true)
        #expect(throws: Base64.Malformed(offset: 4)) {
            _ = try Base64.decode(Array("Zm9v?AAA".utf8).span, into: memory)
        }
        #expect(memory.slotsInUse == 0)
    }
}
