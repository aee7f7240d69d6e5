// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Settings

@Suite("The object store's own switches")
struct ObjectStoreSwitchTests {
    private static let on = ["1", "t", "T", "true", "TRUE", "True", "on", "ON", "On", "enabled", "ENABLED", "Enabled"]
    private static let off = [
        "0", "f", "F", "false", "FALSE", "False", "off", "OFF", "Off", "disabled", "DISABLED", "Disabled",
    ]
    private static let neither = ["", "yes", "no", "tRUE", "oN", "2", "oFF!"]

    private static func load(_ name: String, _ value: String) throws -> KMSEnvironment {
        try SettingsTests.load([name: value, "MINIO_KMS_SECRET_KEY": Sample.staticKey])
    }

    @Test("a value is read as AIStor's documentation means it")
    func readings() {
        #expect(Self.on.allSatisfy { ObjectStoreSwitch.reading(of: $0) == true })
        #expect(Self.off.allSatisfy { ObjectStoreSwitch.reading(of: $0) == false })
        #expect(Self.neither.allSatisfy { ObjectStoreSwitch.reading(of: $0) == nil })
    }

    @Test("AUTO_ENCRYPTION: a value that both products understand is noted", arguments: on + off + [" on "])
    func autoEncryption(value: String) throws {
        let environment = try Self.load("MINIO_KMS_AUTO_ENCRYPTION", value)
        let word = Self.off.contains(value) ? "off" : "on"
        #expect(environment.messages(.note) == ["AIStor and open-source MinIO both read this as \(word)"])
        #expect(environment.messages(.warning).isEmpty)
        #expect(environment.backend != nil)
    }

    @Test("AUTO_ENCRYPTION: any other value is warned of and never an error", arguments: neither)
    func otherAutoEncryption(value: String) throws {
        let environment = try Self.load("MINIO_KMS_AUTO_ENCRYPTION", value)
        #expect(environment.messages(.warning) == ["open-source MinIO reads this as off"])
        #expect(environment.backend != nil)
    }

    @Test("REPLICATE_KEYID: on, and the one word for off, are noted", arguments: on + ["off", "OFF", "Off", "oFf"])
    func replicateKeyID(value: String) throws {
        let environment = try Self.load("MINIO_KMS_REPLICATE_KEYID", value)
        let word = value.lowercased() == "off" ? "off" : "on"
        #expect(environment.messages(.note) == ["AIStor and open-source MinIO both read this as \(word)"])
        #expect(environment.messages(.warning).isEmpty)
        #expect(environment.backend != nil)
    }

    @Test(
        "REPLICATE_KEYID: other words for off are warned of, since open-source MinIO knows but one and does not trim",
        arguments: off.filter { $0.lowercased() != "off" } + [" off"]
    )
    func otherReplicateKeyID(value: String) throws {
        let environment = try Self.load("MINIO_KMS_REPLICATE_KEYID", value)
        #expect(
            environment.messages(.warning) == [
                "AIStor reads this as off, but open-source MinIO only understands off and reads it as on"
            ]
        )
        #expect(environment.backend != nil)
    }

    @Test("REPLICATE_KEYID: words for neither are warned of and never an error", arguments: neither)
    func unknownReplicateKeyID(value: String) throws {
        let environment = try Self.load("MINIO_KMS_REPLICATE_KEYID", value)
        #expect(environment.messages(.warning) == ["open-source MinIO only understands off and reads this as on"])
        #expect(environment.backend != nil)
    }

    @Test("unset, their defaults are shown")
    func defaults() throws {
        let environment = try SettingsTests.load(["MINIO_KMS_SECRET_KEY": Sample.staticKey])
        #expect(
            environment.values.filter { $0.source == "default" }.map { "\($0.name): \($0.value)" } == [
                "MINIO_KMS_AUTO_ENCRYPTION: on in AIStor, off in open-source MinIO", "MINIO_KMS_REPLICATE_KEYID: on",
            ]
        )
    }
}
