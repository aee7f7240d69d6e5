// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Where an agent takes its key from, and what counts when there are several places.
@Suite struct KeySourceTests {
    private let folder: TemporaryDirectory
    private static let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    init() throws { self.folder = try TemporaryDirectory() }

    /// Starts an agent, sees that its key is the known one, and returns what it calls it.
    private func keyName(_ configure: (inout AgentSetup) throws -> Void) throws -> String? {
        try withAgent(configure) { agent in
            let code = try agent.ask(.post("/v1/key/hmac/k", "{\"message\":\"\"}"))
            #expect(code.bytes("hmac")?.hex() == "d38b42096d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb")
            return try agent.ask(.get("/v1/key/list/")).json["names"][0].string
        }
    }

    @Test(arguments: ["k:\(key)", "  k:\(key)\t", "k:AAECAwQFBgcICQoLDA0O\nDxAREhMUFRYXGBkaGxwdHh8="])
    func aVariableMayHaveWhiteSpaceAroundIt(value: String) throws {
        #expect(try self.keyName { $0.environment = ["MINIO_KMS_SECRET_KEY": value] } == "k")
    }

    @Test(arguments: ["k:\(key)", "k:\(key)\r\n\n", "k:AAECAwQFBgcICQoLDA0O\nDxAREhMUFRYXGBkaGxwdHh8="])
    func aFileMayHaveLineEnds(contents: String) throws {
        let file = try self.folder.write(contents, to: "key")
        #expect(try self.keyName { $0.environment = ["MINIO_KMS_SECRET_KEY_FILE": file] } == "k")
    }

    @Test func aFileThatIsNotThereLeavesTheVariable() throws {
        let name = try self.keyName {
            $0.environment = ["MINIO_KMS_SECRET_KEY": "k:\(Self.key)", "MINIO_KMS_SECRET_KEY_FILE": "kms_master_key"]
        }
        #expect(name == "k")
    }

    @Test func filesCountMoreThanTheEnvironment() throws {
        let configFile = try self.folder.write("MINIO_KMS_SECRET_KEY=config:\(Self.key)\n", to: "config.env")
        let envFile = try self.folder.write(
            "MINIO_KMS_SECRET_KEY=first:\(Self.key)\nexport MINIO_KMS_SECRET_KEY='last:\(Self.key)'\n",
            to: "env"
        )
        let environment = ["MINIO_KMS_SECRET_KEY": "variable:\(Self.key)"]
        #expect(
            try self.keyName {
                $0.environment = environment.merging(["MINIO_CONFIG_ENV_FILE": configFile]) { $1 }
            } == "config"
        )
        #expect(
            try self.keyName {
                $0.environment = environment
                $0.arguments = ["--env-file", envFile]
            } == "last"
        )
    }

    /// Container images name a file whether or not there is one.
    @Test func aConfigFileThatIsNotThereIsPassedOver() throws {
        let name = try self.keyName {
            $0.environment = ["MINIO_KMS_SECRET_KEY": "k:\(Self.key)", "MINIO_CONFIG_ENV_FILE": "config.env"]
        }
        #expect(name == "k")
    }
}
