// SPDX-License-Identifier: Apache-2.0

import Glibc
import KeyService
import Settings
import TestSupport
import Testing

@Suite("The static key")
struct StaticKeyTests {
    private let folder: TemporaryDirectory

    init() throws { self.folder = try TemporaryDirectory() }

    private static let half = Sample.keyText.index(Sample.keyText.startIndex, offsetBy: 22)

    @Test(
        "a value that is in order gives the key",
        arguments: [
            Sample.staticKey, "  \(Sample.staticKey)\t\n", "\u{3000}\(Sample.staticKey)",
            // Line ends within the base64 count for nothing, and neither do the unused bits of its last digit.
            "my-key:\(Sample.keyText.prefix(22))\r\n\(Sample.keyText.dropFirst(22))",
            "my-key:\(Sample.keyText.dropLast(2))N=",
        ]
    )
    func validValues(value: String) throws {
        let environment = try load(["MINIO_KMS_SECRET_KEY": value])
        let settings = try #require(environment.staticKey)
        #expect(settings.name.description == "my-key")
        #expect(settings.key.array == Sample.key)
        #expect(settings.place == .variable("MINIO_KMS_SECRET_KEY"))
        #expect(environment.diagnostics.isEmpty)
        #expect(environment.value(of: "MINIO_KMS_SECRET_KEY")?.value == "32 bytes, hidden")
    }

    @Test(
        "a value that is not in order is refused with MinIO's words",
        arguments: [
            ("abc", "kms: invalid secret key format"),
            ("a:k1:\(Sample.keyText)", "illegal base64 data at input byte 2"),
            ("k1:eEm-\(Sample.keyText.dropFirst(4))", "illegal base64 data at input byte 3"),
            ("k1:\(Sample.keyText.dropLast())", "illegal base64 data at input byte 40"),
            ("k1:AAAAAAAAAAAAAAAAAAAAAA==", "kms: invalid key length 16"),
            ("k1:\(Sample.keyText.dropLast(4))", "kms: invalid key length 30"),
            ("k1:\(Sample.keyText.dropLast(2))==", "kms: invalid key length 31"),
            ("k1:", "kms: invalid key length 0"),
            (":\(Sample.keyText)", "the key has no name"),
        ]
    )
    func invalidValues(value: String, message: String) throws {
        let environment = try load(["MINIO_KMS_SECRET_KEY": value])
        #expect(environment.backend == nil)
        #expect(environment.messages(.error) == [message])
        #expect(environment.value(of: "MINIO_KMS_SECRET_KEY")?.value == "set, hidden")
        #expect(!environment.diagnostics.map(\.description).joined().contains(Sample.keyText.prefix(20)))
    }

    @Test("a name that is not UTF-8 is refused")
    func invalidName() throws {
        let file = try self.folder.write([0xFF, 0x3A] + Array(Sample.keyText.utf8), to: "key")
        #expect(try load(["MINIO_KMS_SECRET_KEY_FILE": file]).messages(.error) == ["the key's name is not UTF-8"])
    }

    @Test(
        "a file gives the key",
        arguments: [
            (Sample.staticKey, 0),
            ("\(Sample.staticKey)\r\n\n", 0),
            ("my-key:\(Sample.keyText.prefix(22))\n\(Sample.keyText.dropFirst(22))", 0),
            // MinIO refuses the first of these, and finds another key name in the others.
            ("\(Sample.staticKey) ", 1),
            ("\n\(Sample.staticKey)", 1),
            (" \(Sample.staticKey) \n", 2),
        ]
    )
    func files(contents: String, warnings: Int) throws {
        let file = try self.folder.write(contents, to: "key")
        let environment = try load(["MINIO_KMS_SECRET_KEY_FILE": file])
        let settings = try #require(environment.staticKey)
        #expect(settings.name.description == "my-key")
        #expect(settings.key.array == Sample.key)
        #expect(settings.place == .file(file))
        #expect(environment.messages(.error).isEmpty)
        #expect(environment.messages(.warning).count == warnings)
        #expect(environment.value(of: "MINIO_KMS_SECRET_KEY_FILE")?.value == file)
    }

    @Test("what is wrong in a file is reported with its path", arguments: ["", "\n", "no colon"])
    func badFiles(contents: String) throws {
        let file = try self.folder.write(contents, to: "key")
        let environment = try load(["MINIO_KMS_SECRET_KEY_FILE": file])
        #expect(environment.messages(.error) == ["kms: invalid secret key format"])
        #expect(environment.diagnostics.last?.place == .file(file))
    }

    @Test(
        "a name that KES servers do not allow is warned of",
        arguments: [
            ("k", 0), ("A-b_9", 0), (String(repeating: "k", count: 80), 0), ("__", 0),
            ("_", 1), ("-k", 1), ("k-", 1), ("k.1", 1), ("k 1", 1), ("ключ", 1), (String(repeating: "k", count: 81), 1),
        ]
    )
    func names(name: String, warnings: Int) throws {
        let environment = try load(["MINIO_KMS_SECRET_KEY": "\(name):\(Sample.keyText)"])
        #expect(environment.staticKey?.name.description == name)
        #expect(environment.messages(.warning).count == warnings)
    }

    @Test("variable and file together are refused")
    func both() throws {
        let file = try self.folder.write(Sample.staticKey, to: "key")
        let environment = try load(["MINIO_KMS_SECRET_KEY": Sample.staticKey, "MINIO_KMS_SECRET_KEY_FILE": file])
        #expect(environment.backend == nil)
        #expect(
            environment.messages(.error) == [
                "kms: invalid configuration for static KMS key: 'MINIO_KMS_SECRET_KEY' and 'MINIO_KMS_SECRET_KEY_FILE'"
                    + " are present"
            ]
        )
    }

    @Test("with the variable, a file that does not exist counts as unset")
    func missingFileBesideVariable() throws {
        let missing = "\(self.folder.path)/missing"
        for (path, warnings) in [(missing, 1), ("kms_master_key", 0), ("", 0)] {
            let environment = try load(["MINIO_KMS_SECRET_KEY": Sample.staticKey, "MINIO_KMS_SECRET_KEY_FILE": path])
            #expect(environment.staticKey?.place == .variable("MINIO_KMS_SECRET_KEY"))
            #expect(environment.messages(.error).isEmpty)
            #expect(environment.messages(.warning).count == warnings)
        }
    }

    @Test("alone, a file that does not exist is an error: whoever names one wants encryption")
    func missingFile() throws {
        let missing = "\(self.folder.path)/missing"
        let environment = try load(["MINIO_KMS_SECRET_KEY_FILE": missing])
        #expect(environment.backend == nil)
        #expect(environment.messages(.error) == ["open \(missing): no such file or directory"])
    }

    @Test("a directory in place of the file is an error")
    func directory() throws {
        let environment = try load(["MINIO_KMS_SECRET_KEY_FILE": self.folder.path])
        #expect(environment.messages(.error) == ["read \(self.folder.path): is a directory"])
    }

    @Test("a file that cannot be opened is an error, with the system's reason")
    func unreadableFile() throws {
        let file = try self.folder.write("", to: "file")
        #expect(
            try load(["MINIO_KMS_SECRET_KEY_FILE": "\(file)/key"]).messages(.error)
                == ["open \(file)/key: not a directory"]
        )
    }

    @Test("a file without permission is an error", .disabled(if: getuid() == 0, "root may read everything"))
    func forbiddenFile() throws {
        let file = try self.folder.write(Sample.staticKey, to: "key")
        try #require(unsafe chmod(file, 0) == 0)
        #expect(
            try load(["MINIO_KMS_SECRET_KEY_FILE": file]).messages(.error) == ["open \(file): permission denied"]
        )
    }

    @Test("a relative path is looked for among the secrets too, and the file that was taken is said")
    func secretsFolder() throws {
        let name = "keyside-test-key"
        let file = try self.folder.write(Sample.staticKey, to: name)
        let environment = try load(["MINIO_KMS_SECRET_KEY_FILE": name], secretsFolder: self.folder.path)
        #expect(environment.staticKey?.place == .file(file))
        #expect(environment.messages(.note).map { $0.hasSuffix("the key is read from \(file)") } == [true])
        #expect(environment.messages(.error).isEmpty)
    }

    @Test("the file among the secrets gives way to everything else that is configured, as with MinIO")
    func secretsFolderGivesWay() throws {
        try self.folder.write("other:\(Sample.keyText)", to: "kms_master_key")
        let environment = try load(
            ["MINIO_KMS_SECRET_KEY_FILE": "kms_master_key", "MINIO_KMS_SECRET_KEY": Sample.staticKey],
            secretsFolder: self.folder.path
        )
        #expect(environment.staticKey?.name.description == "my-key")
        #expect(environment.diagnostics.isEmpty)
    }

    @Test("a file that cannot be read among the secrets is an error")
    func unreadableSecret() throws {
        try self.folder.write("", to: "file")
        let environment = try load(["MINIO_KMS_SECRET_KEY_FILE": "file/key"], secretsFolder: self.folder.path)
        #expect(environment.messages(.error) == ["open \(self.folder.path)/file/key: not a directory"])
    }
}
