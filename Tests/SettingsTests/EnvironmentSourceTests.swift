// SPDX-License-Identifier: Apache-2.0

import Glibc
import KeyService
import TestSupport
import Testing

@testable import Settings

@Suite("Sources of variables")
struct EnvironmentSourceTests {
    private let folder: TemporaryDirectory

    init() throws { self.folder = try TemporaryDirectory() }

    @Test("MINIO_CONFIG_ENV_FILE counts more than --env-file, and that more than the environment")
    func precedence() throws {
        let last = try self.folder.write("MINIO_KMS_SECRET_KEY=from-last:\(Sample.keyText)\n", to: "last")
        let middle = try self.folder.write(
            "# names the last\nMINIO_CONFIG_ENV_FILE=\(last)\nMINIO_KMS_SECRET_KEY=from-middle:\(Sample.keyText)\n"
                + "MINIO_KMS_AUTO_ENCRYPTION=off\n",
            to: "middle"
        )
        let process = [
            "MINIO_KMS_SECRET_KEY": "from-process:\(Sample.keyText)", "MINIO_KMS_AUTO_ENCRYPTION": "on",
            "MINIO_KMS_REPLICATE_KEYID": "on",
        ]

        #expect(try load(process).staticKey?.name.description == "from-process")
        let environment = try load(process, envFile: middle)
        #expect(environment.staticKey?.name.description == "from-last")
        #expect(
            environment.values.map { "\($0.name) \($0.value) \($0.source)" } == [
                "MINIO_CONFIG_ENV_FILE \(last) \(middle):2",
                "MINIO_KMS_SECRET_KEY 32 bytes, hidden \(last):1",
                "MINIO_KMS_AUTO_ENCRYPTION off \(middle):4",
                "MINIO_KMS_REPLICATE_KEYID on environment",
            ]
        )
    }

    @Test("a diagnostic names the file and the line that set the variable")
    func places() throws {
        let file = try self.folder.write("\nMINIO_KMS_SECRET_KEY=abc\n", to: "env")
        let environment = try load(["MINIO_CONFIG_ENV_FILE": file])
        #expect(
            environment.diagnostics.first?.description
                .hasPrefix(
                    "\(file):2: MINIO_KMS_SECRET_KEY: error: kms: invalid secret key format; "
                ) == true
        )
    }

    @Test("an empty value in a file counts more than a value in the environment")
    func emptyOverrides() throws {
        let file = try self.folder.write("MINIO_KMS_SECRET_KEY=\n", to: "env")
        #expect(try load(["MINIO_KMS_SECRET_KEY": Sample.staticKey], envFile: file).backend == nil)
    }

    @Test("a credential of systemd is a variable by another way; it counts more than the environment")
    func credentials() throws {
        try self.folder.write("https://kes:7373\n", to: "minio-kms-kes-endpoint")
        try self.folder.write(Sample.kesAPIKey + "\n", to: "minio-kms-kes-api-key")
        let environment = try load([
            "CREDENTIALS_DIRECTORY": self.folder.path, "MINIO_KMS_KES_KEY_NAME": "my-key",
            "MINIO_KMS_KES_ENDPOINT": "https://other:7373",
        ])
        guard case .kes(let settings) = environment.backend, case .apiKey(let key) = settings.authentication else {
            Issue.record("\(environment.diagnostics)")
            return
        }
        #expect(settings.endpoints.map(\.description) == ["https://kes:7373"])
        #expect(key.array == Array(Sample.kesAPIKey.utf8))
        #expect(
            environment.value(of: "MINIO_KMS_KES_API_KEY")?.source == "\(self.folder.path)/minio-kms-kes-api-key")
        #expect(environment.value(of: "MINIO_KMS_KES_API_KEY")?.value == "set, hidden")
    }

    @Test("a credential that is a file in PEM stands for its own path")
    func pemCredentials() throws {
        let key = try self.folder.write("key\n-----BEGIN PRIVATE KEY-----\n", to: "minio-kms-kes-key-file")
        try self.folder.write("/etc/kes/client.crt\n", to: "minio-kms-kes-cert-file")
        let environment = try load([
            "CREDENTIALS_DIRECTORY": self.folder.path, "MINIO_KMS_KES_KEY_NAME": "my-key",
            "MINIO_KMS_KES_ENDPOINT": "https://kes:7373",
        ])
        guard case .kes(let settings) = environment.backend,
            case .certificate(let certFile, let keyFile, nil) = settings.authentication
        else {
            Issue.record("\(environment.diagnostics)")
            return
        }
        #expect(certFile == "/etc/kes/client.crt")
        #expect(keyFile == key)
    }

    @Test("a credential that is a folder is an error")
    func folderCredential() throws {
        let folder = "\(self.folder.path)/minio-kms-kes-api-key"
        unsafe mkdir(folder, 0o700)
        defer { unsafe rmdir(folder) }
        let environment = try load(["CREDENTIALS_DIRECTORY": self.folder.path])
        #expect(environment.messages(.error).first == "read \(folder): is a directory")
    }

    @Test("an --env-file that cannot be read is an error")
    func missingEnvFile() throws {
        let variables = ["MINIO_KMS_SECRET_KEY": Sample.staticKey]
        let missing = "\(self.folder.path)/missing"
        #expect(
            try load(variables, envFile: missing).diagnostics.first?.description
                == "--env-file: error: open \(missing): no such file or directory; use a readable file"
        )
        #expect(
            try load(variables, envFile: self.folder.path).messages(.error)
                == ["read \(self.folder.path): is a directory"]
        )
    }

    @Test("a MINIO_CONFIG_ENV_FILE that is missing is passed over, the images' config.env without a word")
    func missingConfigFile() throws {
        let variables = ["MINIO_KMS_SECRET_KEY": Sample.staticKey]
        for path in ["config.env", ""] {
            let environment = try load(variables.merging(["MINIO_CONFIG_ENV_FILE": path]) { $1 })
            #expect(environment.diagnostics.isEmpty)
            #expect(environment.backend != nil)
        }
        let missing = "\(self.folder.path)/missing"
        let environment = try load(variables.merging(["MINIO_CONFIG_ENV_FILE": missing]) { $1 })
        #expect(environment.backend != nil)
        #expect(environment.messages(.error).isEmpty)
        #expect(environment.messages(.warning).map { $0.hasPrefix("open \(missing): no such file") } == [true])
    }

    @Test("a MINIO_CONFIG_ENV_FILE that is something else than a file is an error")
    func unreadableConfigFile() throws {
        let environment = try load([
            "MINIO_CONFIG_ENV_FILE": self.folder.path, "MINIO_KMS_SECRET_KEY": Sample.staticKey,
        ])
        #expect(
            environment.messages(.error)
                == ["Unable to read the config environment file: read \(self.folder.path): is a directory"]
        )
    }

    @Test("a file that is larger than any environment is an error")
    func largeFile() throws {
        let file = try self.folder.write(String(repeating: "#\n", count: 1 << 19) + "#", to: "large")
        #expect(try load([:], envFile: file).messages(.error).first == "\(file) is longer than 1048576 bytes")
    }

    @Test(
        "remote values are refused without being shown",
        arguments: ["env://user:s3cr3t@host/path", "env+tls://user:s3cr3t@host/path"],
        ["MINIO_KMS_SERVER", "MINIO_KMS_KES_KEY_NAME", "MINIO_KMS_SECRET_KEY", "MINIO_KMS_SECRET_KEY_FILE"]
    )
    func remoteValues(value: String, name: String) throws {
        let environment = try load([name: value])
        #expect(
            environment.diagnostics.first?.description
                == "\(name): error: remote values (env://, env+tls://) are not supported; set the value itself"
        )
        #expect(environment.value(of: name)?.value == "set, hidden")
        #expect(!environment.diagnostics.map(\.description).joined().contains("s3cr3t"))
    }

    @Test("other values that begin with env are taken as they are, with a warning")
    func literalValues() throws {
        let environment = try load(["MINIO_KMS_SECRET_KEY": "env-prod-key:\(Sample.keyText)"])
        #expect(environment.staticKey?.name.description == "env-prod-key")
        #expect(
            environment.messages(.warning)
                == ["MinIO treats a value that begins with 'env' as remote, and reads it as empty"]
        )
    }

    @Test(
        "a secret that stands where a path or an address belongs is refused without being shown",
        arguments: [
            ("MINIO_KMS_SECRET_KEY_FILE", Sample.staticKey, "this is a key, not a path"),
            ("MINIO_KMS_SECRET_KEY_FILE", Sample.keyText, "this is a key, not a path"),
            (
                "MINIO_KMS_KES_KEY_FILE", "-----BEGIN PRIVATE KEY-----\n\(Sample.keyText)",
                "this is PEM text, not a path"
            ),
            (
                "MINIO_KMS_KES_ENDPOINT", "https://user:\(Sample.keyText)@host,https://b",
                "an endpoint has no user name or password ('…@')"
            ),
        ]
    )
    func misplacedSecrets(name: String, value: String, message: String) throws {
        let environment = try load([name: value])
        #expect(environment.messages(.error).first == message)
        #expect(environment.value(of: name)?.value == "set, hidden")
        #expect(!environment.diagnostics.map(\.description).joined().contains(Sample.keyText))
    }

    @Test(
        "unknown variables are warned of, with the name that was probably meant",
        arguments: [
            ("MINIO_KMS_KES_APIKEY", "did you mean 'MINIO_KMS_KES_API_KEY'?"),
            ("MINIO_KMS_SERVERS", "did you mean 'MINIO_KMS_SERVER'?"),
            ("MINIO_KMS_KES_CA_PATH", "rename it to MINIO_KMS_KES_CAPATH"),
            ("MINIO_KMS_MASTER_KEY", "set MINIO_KMS_SECRET_KEY instead"),
            ("MINIO_KMS_VAULT_ENDPOINT", "put a KES server in front of Vault, and configure that"),
            ("MINIO_KMS_KEY_CACHE_INTERVAL", "remove it"),
            ("MINIO_KMS_KES_API_KEY_FILE", "set MINIO_KMS_KES_API_KEY"),
            ("MINIO_KMS_SOMETHING_ELSE", "remove it"),
        ]
    )
    func unknownVariables(name: String, remedy: String) throws {
        let environment = try load([name: Sample.keyText, "MINIO_KMS_SECRET_KEY": Sample.staticKey])
        #expect(environment.backend != nil)
        #expect(environment.diagnostics.map(\.place) == [.variable(name)])
        #expect(environment.diagnostics.map(\.remedy) == [remedy])
        #expect(environment.diagnostics.map(\.severity) == [.warning])
    }

    @Test("every MINIO_ variable that is not known to be harmless belongs into locked memory")
    func secretNames() {
        let secret = [
            "MINIO_KMS_SECRET_KEY", "MINIO_KMS_API_KEY", "MINIO_KMS_KES_API_KEY", "MINIO_KMS_KES_KEY_PASSWORD",
            "MINIO_KMS_MASTER_KEY", "MINIO_KMS_SECRET_KYE", "MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY",
        ]
        let harmless = [
            "MINIO_KMS_SERVER", "MINIO_KMS_SECRET_KEY_FILE", "MINIO_CONFIG_ENV_FILE", "PATH", "KEYSIDE_CONFIG",
        ]
        #expect(secret.filter(KMSEnvironment.isSecret) == secret)
        #expect(harmless.filter(KMSEnvironment.isSecret).isEmpty)
    }
}
