// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KeyService
import LockedMemory
import StaticKey
import Synchronization
import TestSupport
import Testing

struct StaticKeyServiceTests {
    private static let contexts: [[UInt8]] = [
        [], [0], Array("{}".utf8), Array(Sample.bucketContext.utf8), Array("not JSON".utf8), [0xff, 0xfe, 0x00],
        [UInt8](repeating: 0x61, count: 100_000),
    ]

    @Test("A generated key opens under its own context and under no other")
    func roundTrip() async throws {
        let service = try StaticKeyService()
        for context in Self.contexts {
            let atOnce = try #require(try service.generate(associatedData: context))
            let awaited = OpenDataKey(try await service.generateKey(.own, associatedData: AssociatedData(context)))
            for dataKey in [atOnce, awaited] {
                #expect(dataKey.plaintext.count == 32)
                #expect(dataKey.ciphertext.count == 76)
                for other in Self.contexts {
                    if other == context {
                        #expect(try service.open(dataKey.ciphertext, associatedData: other) == dataKey.plaintext)
                    } else {
                        #expect(throws: KeyServiceError.decryptionFailed) {
                            try service.open(dataKey.ciphertext, associatedData: other)
                        }
                    }
                }
            }
        }
    }

    @Test("No two data keys share a plaintext, an IV or a nonce, and each opens")
    func many() throws {
        let service = try StaticKeyService()
        var seen: Set<[UInt8]> = []
        for _ in 1...2000 {
            let dataKey = try #require(try service.generate(associatedData: []))
            #expect(seen.insert(dataKey.plaintext).inserted)
            #expect(seen.insert(Array(dataKey.ciphertext[48..<64])).inserted)
            #expect(seen.insert(Array(dataKey.ciphertext[64...])).inserted)
            #expect(try service.open(dataKey.ciphertext, associatedData: []) == dataKey.plaintext)
        }
    }

    @Test("Another name is refused before anything is deciphered")
    func otherNames() async throws {
        let service = try StaticKeyService()
        let sample = Sample.withoutContext
        #expect(throws: KeyServiceError.keyNotFound) {
            try service.open(sample.ciphertext, associatedData: sample.associatedData, name: .other)
        }
        #expect(throws: KeyServiceError.keyNotFound) {
            try service.open([], associatedData: sample.associatedData, name: .other)
        }
        #expect(throws: KeyServiceError.keyNotFound) {
            try service.generate(associatedData: [], name: .other)
        }
        await #expect(throws: KeyServiceError.keyNotFound) {
            _ = try await service.generateKey(.other, associatedData: AssociatedData()).ciphertext
        }
        await #expect(throws: KeyServiceError.keyNotFound) {
            _ =
                try await service.decrypt(
                    .other,
                    ciphertext: Ciphertext(sample.ciphertext),
                    associatedData: AssociatedData(sample.associatedData)
                )
                .origin
        }
    }

    static let codes = [
        (keys.k1, "root access key", "bf4421138329b920afeb9b28fe198e062ec63d09a0104ba44c64e54a6399afe2"),
        (keys.k1, "root secret key", "8a7dcab42c5776360e786acbe869cc8a08d251da7f1ce8d6a55751ba426d34f2"),
        (keys.k2, "", "d38b42096d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb"),
    ]

    @Test("A code is HMAC-SHA-256 under the key, whatever name is asked for", arguments: Self.codes)
    func hmac(key: [UInt8], message: String, code: String) async throws {
        let service = try StaticKeyService(key: key)
        for name in [KeyName.own, .other] {
            #expect(try await service.hmac(name, message: Array(message.utf8)).array == [UInt8](hex: code))
        }
    }

    @Test("A key cannot be created: its own exists, others cannot be had")
    func create() async throws {
        let service = try StaticKeyService()
        await #expect(throws: KeyServiceError.keyExists) { try await service.createKey(.own) }
        await #expect(throws: KeyServiceError.notSupported) { try await service.createKey(.other) }
    }

    @Test("What the object store's own key service lacks is not supported", arguments: [KeyName.own, .other])
    func notSupported(_ name: KeyName) async throws {
        let service = try StaticKeyService()
        await #expect(throws: KeyServiceError.notSupported) { try await service.deleteKey(name) }
        await #expect(throws: KeyServiceError.notSupported) { try await service.describeKey(name) }
        await #expect(throws: KeyServiceError.notSupported) {
            try await service.importKey(
                name, key: try Secret(byteCount: 32, in: SharedMemory.secrets), algorithm: .aes256)
        }
        await #expect(throws: KeyServiceError.notSupported) {
            try await service.encrypt(
                name, plaintext: try Secret(byteCount: 32, in: SharedMemory.secrets), associatedData: AssociatedData())
        }
    }

    @Test(
        "The key is listed where its name begins as asked",
        arguments: [
            ("", "", true), ("*", "", true), ("my", "", true), ("my-key", "", true), ("my-key", "my-key", true),
            ("", "my-", true), ("*", "my-key", true), ("my-key2", "", false), ("MY", "", false), ("key", "", false),
            ("my", "n", false), ("my*", "", false), ("", "other", false),
        ]
    )
    func list(prefix: String, continueAt: String, isListed: Bool) async throws {
        let listing = try await StaticKeyService()
            .listKeys(
                KeyListingRequest(prefix: prefix, continueAt: continueAt)
            )
        #expect(listing == KeyListing(names: isListed ? [.own] : []))
    }

    @Test("It says what it is, and that it is there")
    func status() async throws {
        let service = try StaticKeyService()
        #expect(service.kind == "static key")
        #expect(service.defaultKeyName == .own)
        #expect(try await service.version() == "v1")
        #expect(
            await service.status()
                == BackendStatus(
                    reachability: .reachable(latency: .zero),
                    endpoints: [BackendStatus.Endpoint(address: "127.0.0.1", condition: .up(latency: nil))]
                )
        )
    }

    @Test("It serves many threads at the same time")
    func manyThreads() async throws {
        let service = try StaticKeyService()
        let samples = Sample.all.filter { $0.key == keys.k2 }
        try await withThrowingTaskGroup { group in
            for worker in 0..<16 {
                group.addTask {
                    let context = [UInt8(worker)]
                    for _ in 1...500 {
                        let dataKey = try #require(try service.generate(associatedData: context))
                        let plaintext = try service.open(dataKey.ciphertext, associatedData: context)
                        #expect(plaintext == dataKey.plaintext)
                        let sample = samples[worker % samples.count]
                        let other = try service.open(sample.ciphertext, associatedData: sample.associatedData)
                        #expect(other == sample.plaintext)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("Without locked memory it asks to try again, and keeps nothing")
    func exhaustion() async throws {
        _ = try SharedMemory.secrets
        // The key, and what derives from it; not the plaintext.
        SharedMemory.giveToOpenSSL()
        let memory = try SecretMemory(slotCount: 2, allowUnlocked: true)
        let service = try StaticKeyService(key: keys.k2, memory: memory)
        let sample = Sample.binary
        #expect(throws: KeyServiceError.outOfMemory) {
            try service.open(sample.ciphertext, associatedData: sample.associatedData)
        }
        #expect(throws: KeyServiceError.outOfMemory) {
            try service.generate(associatedData: [])
        }
        #expect(memory.slotsInUse == 1)
    }
}
