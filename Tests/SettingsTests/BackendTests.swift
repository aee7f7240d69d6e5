// SPDX-License-Identifier: Apache-2.0

import KeyService
import Settings
import TestSupport
import Testing

@Suite("Presence, exclusivity, completeness")
struct BackendTests {
    private static let minKMS = [
        "MINIO_KMS_SERVER": "kms{1...2}:7373", "MINIO_KMS_ENCLAVE": "enclave", "MINIO_KMS_SSE_KEY": "minio",
        "MINIO_KMS_API_KEY": Sample.minKMSAPIKey,
    ]
    private static let kes = [
        "MINIO_KMS_KES_ENDPOINT": "https://kes{1...2}:7373", "MINIO_KMS_KES_KEY_NAME": "minio",
        "MINIO_KMS_KES_API_KEY": Sample.kesAPIKey,
    ]
    private static let kesWithCertificate = [
        "MINIO_KMS_KES_ENDPOINT": "https://kes:7373", "MINIO_KMS_KES_KEY_NAME": "minio",
        "MINIO_KMS_KES_CERT_FILE": "/c.crt", "MINIO_KMS_KES_KEY_FILE": "/c.key",
    ]
    private static let staticKey = ["MINIO_KMS_SECRET_KEY": Sample.staticKey]

    /// `variables` with changes: nil takes one away.
    private static func changed(_ variables: [String: String], _ changes: [String: String?]) -> [String: String] {
        changes.reduce(into: variables) { $0[$1.key] = $1.value }
    }

    // MARK: Complete groups

    @Test("a complete MinIO KMS group is taken")
    func completeMinKMS() throws {
        let environment = try load(Self.minKMS)
        guard case .minKMS(let settings) = environment.backend else { return #expect(Bool(false), "no MinIO KMS") }
        #expect(settings.endpoints.map(\.description) == ["https://kms1:7373", "https://kms2:7373"])
        #expect(settings.enclave == "enclave")
        #expect(settings.keyName.description == "minio")
        #expect(settings.apiKey.array == Array(Sample.minKMSAPIKey.utf8))
        #expect(environment.diagnostics.isEmpty)
    }

    @Test("a complete KES group with an API key is taken, values trimmed")
    func completeKES() throws {
        let environment = try load(
            Self.changed(Self.kes, ["MINIO_KMS_KES_API_KEY": " \(Sample.kesAPIKey)\n", "MINIO_KMS_KES_CAPATH": "/ca"])
        )
        guard case .kes(let settings) = environment.backend else { return #expect(Bool(false), "no KES") }
        #expect(settings.endpoints.map(\.description) == ["https://kes1:7373", "https://kes2:7373"])
        #expect(settings.caPath == "/ca")
        guard case .apiKey(let key) = settings.authentication else { return #expect(Bool(false), "no API key") }
        #expect(key.array == Array(Sample.kesAPIKey.utf8))
        #expect(environment.diagnostics.isEmpty)
    }

    @Test("a complete KES group with a certificate is taken", arguments: [nil, "", Sample.password])
    func completeKESWithCertificate(password: String?) throws {
        let environment = try load(Self.changed(Self.kesWithCertificate, ["MINIO_KMS_KES_KEY_PASSWORD": password]))
        guard case .kes(let settings) = environment.backend,
            case .certificate("/c.crt", "/c.key", let actual) = settings.authentication
        else { return #expect(Bool(false), "no KES with a certificate") }
        #expect(actual?.array == password.flatMap { $0.isEmpty ? nil : Array($0.utf8) })
        #expect(environment.diagnostics.isEmpty)
    }

    // MARK: Exclusivity

    private static let kmsAndKES = "kms: configuration for MinIO KMS and MinIO KES is present"
    private static let kmsAndStatic = "kms: configuration for MinIO KMS and static KMS key is present"
    private static let kesAndStatic = "kms: configuration for MinIO KES and static KMS key is present"

    @Test(
        "two groups exclude each other, and nothing is said of what is missing in them",
        arguments: [
            (Self.changed(Self.minKMS, Self.kes), Self.kmsAndKES),
            (Self.changed(Self.changed(Self.minKMS, Self.kes), Self.staticKey), Self.kmsAndKES),
            (Self.changed(Self.minKMS, ["MINIO_KMS_KES_CAPATH": ""]), Self.kmsAndKES),
            (["MINIO_KMS_SSE_KEY": "a", "MINIO_KMS_KES_KEY_PASSWORD": ""], Self.kmsAndKES),
            (Self.changed(Self.minKMS, Self.staticKey), Self.kmsAndStatic),
            (Self.changed(Self.kes, Self.staticKey), Self.kesAndStatic),
            (Self.changed(Self.kes, ["MINIO_KMS_SECRET_KEY_FILE": "/dev/null/x"]), Self.kesAndStatic),
        ]
    )
    func exclusivity(variables: [String: String], message: String) throws {
        let environment = try load(variables)
        #expect(environment.backend == nil)
        #expect(environment.messages(.error).filter { $0.contains("is present") } == [message])
        #expect(environment.messages(.error).filter { $0.contains("missing") }.isEmpty)
    }

    @Test("the way out names every variable of every group, and the empty ones as such")
    func waysOut() throws {
        let environment = try load(["MINIO_KMS_SSE_KEY": "a", "MINIO_KMS_ENCLAVE": "e", "MINIO_KMS_KES_CAPATH": ""])
        #expect(
            environment.diagnostics.map(\.description) == [
                "MINIO_KMS_KES_CAPATH: error: \(Self.kmsAndKES); keep one of: MINIO_KMS_ENCLAVE, MINIO_KMS_SSE_KEY;"
                    + " MINIO_KMS_KES_CAPATH (empty, but present)"
            ]
        )
    }

    // MARK: Completeness

    private static func missing(_ name: String, _ group: String) -> String {
        "kms: incomplete configuration for \(group): missing '\(name)'"
    }

    @Test(
        "each missing variable of the MinIO KMS group is named",
        arguments: [
            ["MINIO_KMS_SERVER"], ["MINIO_KMS_ENCLAVE"], ["MINIO_KMS_SSE_KEY"], ["MINIO_KMS_API_KEY"],
            ["MINIO_KMS_SERVER", "MINIO_KMS_ENCLAVE", "MINIO_KMS_SSE_KEY"],
        ]
    )
    func incompleteMinKMS(names: [String]) throws {
        let environment = try load(Self.minKMS.filter { !names.contains($0.key) })
        #expect(environment.backend == nil)
        #expect(environment.messages(.error) == names.map { Self.missing($0, "MinIO KMS") })
        #expect(environment.diagnostics.map(\.place) == names.map { .variable($0) })
    }

    private static let noAuthentication = "kms: incomplete configuration for MinIO KES: missing authentication method"
    private static let twoAuthentications =
        "kms: invalid configuration for MinIO KES: 'MINIO_KMS_KES_API_KEY' and client certificate is present"

    @Test(
        "what is missing in the KES group, or too much, is named",
        arguments: [
            (
                Self.changed(Self.kes, ["MINIO_KMS_KES_ENDPOINT": nil]),
                [Self.missing("MINIO_KMS_KES_ENDPOINT", "MinIO KES")]
            ),
            (
                Self.changed(Self.kes, ["MINIO_KMS_KES_KEY_NAME": nil]),
                [Self.missing("MINIO_KMS_KES_KEY_NAME", "MinIO KES")]
            ),
            (Self.changed(Self.kes, ["MINIO_KMS_KES_CERT_FILE": "/c"]), [Self.twoAuthentications]),
            (Self.changed(Self.kes, ["MINIO_KMS_KES_KEY_FILE": "/c"]), [Self.twoAuthentications]),
            (Self.changed(Self.kes, ["MINIO_KMS_KES_KEY_PASSWORD": ""]), [Self.twoAuthentications]),
            (
                Self.changed(Self.kesWithCertificate, ["MINIO_KMS_KES_CERT_FILE": nil]),
                [Self.missing("MINIO_KMS_KES_CERT_FILE", "MinIO KES")]
            ),
            (
                Self.changed(Self.kesWithCertificate, ["MINIO_KMS_KES_KEY_FILE": nil]),
                [Self.missing("MINIO_KMS_KES_KEY_FILE", "MinIO KES")]
            ),
            (
                Self.changed(Self.kes, ["MINIO_KMS_KES_API_KEY": nil, "MINIO_KMS_KES_KEY_PASSWORD": "p"]),
                [
                    Self.missing("MINIO_KMS_KES_CERT_FILE", "MinIO KES"),
                    Self.missing("MINIO_KMS_KES_KEY_FILE", "MinIO KES"),
                ]
            ),
            (Self.changed(Self.kes, ["MINIO_KMS_KES_API_KEY": nil]), [Self.noAuthentication]),
            (
                ["MINIO_KMS_KES_CAPATH": "/ca"],
                [
                    Self.missing("MINIO_KMS_KES_ENDPOINT", "MinIO KES"),
                    Self.missing("MINIO_KMS_KES_KEY_NAME", "MinIO KES"), Self.noAuthentication,
                ]
            ),
        ]
    )
    func incompleteKES(variables: [String: String], messages: [String]) throws {
        let environment = try load(variables)
        #expect(environment.backend == nil)
        #expect(environment.messages(.error) == messages)
    }

    @Test(
        "an empty value is refused where a value is needed",
        arguments: [
            ("MINIO_KMS_SERVER", "kms: no KMS server endpoint provided"),
            ("MINIO_KMS_ENCLAVE", "MINIO_KMS_ENCLAVE is empty"),
            ("MINIO_KMS_SSE_KEY", "MINIO_KMS_SSE_KEY is empty"),
            ("MINIO_KMS_API_KEY", "MINIO_KMS_API_KEY is empty"),
            ("MINIO_KMS_KES_ENDPOINT", "kms: no KES server endpoint provided"),
            ("MINIO_KMS_KES_KEY_NAME", "MINIO_KMS_KES_KEY_NAME is empty"),
            ("MINIO_KMS_KES_API_KEY", "MINIO_KMS_KES_API_KEY is empty"),
            ("MINIO_KMS_KES_CERT_FILE", "MINIO_KMS_KES_CERT_FILE is empty"),
            ("MINIO_KMS_KES_KEY_FILE", "MINIO_KMS_KES_KEY_FILE is empty"),
        ],
        ["", " \t"]
    )
    func emptyValues(expected: (name: String, message: String), value: String) throws {
        let group = [Self.minKMS, Self.kes, Self.kesWithCertificate].first { $0[expected.name] != nil }
        let environment = try load(Self.changed(try #require(group), [expected.name: value]))
        #expect(environment.backend == nil)
        #expect(environment.messages(.error) == [expected.message])
        #expect(environment.value(of: expected.name)?.value == "")
    }

    @Test("an empty MINIO_KMS_KES_CAPATH alone selects KES, and is named as the way out")
    func emptyCAPath() throws {
        let environment = try load(["MINIO_KMS_KES_CAPATH": ""])
        #expect(environment.messages(.error).first == Self.missing("MINIO_KMS_KES_ENDPOINT", "MinIO KES"))
        #expect(
            environment.diagnostics.first?.remedy == "set it, or unset MINIO_KMS_KES_CAPATH (empty, but present)"
        )
    }

    @Test("an empty MINIO_KMS_KES_CAPATH in a complete group is warned of")
    func emptyCAPathInCompleteGroup() throws {
        let environment = try load(Self.changed(Self.kes, ["MINIO_KMS_KES_CAPATH": " "]))
        guard case .kes(let settings) = environment.backend else { return #expect(Bool(false), "no KES") }
        #expect(settings.caPath == nil)
        #expect(environment.messages(.error).isEmpty)
        #expect(environment.messages(.warning).count == 1)
    }

    // MARK: Nothing

    @Test(
        "nothing configured is an error that names the three groups",
        arguments: [
            [:], ["MINIO_KMS_AUTO_ENCRYPTION": "on"], ["MINIO_KMS_SECRET_KEY": ""], ["MINIO_KMS_SECRET_KEY": "  "],
            ["MINIO_KMS_SECRET_KEY_FILE": ""], ["MINIO_KMS_SECRET_KEY_FILE": "kms_master_key"], ["PATH": "/bin"],
        ]
    )
    func nothing(variables: [String: String]) throws {
        let environment = try load(variables)
        #expect(environment.backend == nil)
        #expect(environment.messages(.error) == ["neither a key server nor a key is configured"])
        let remedy = environment.diagnostics.last { $0.severity == .error }?.remedy ?? ""
        for name in ["MINIO_KMS_KES_ENDPOINT", "MINIO_KMS_SERVER", "MINIO_KMS_SECRET_KEY", "MINIO_KMS_SECRET_KEY_FILE"]
        {
            #expect(remedy.contains(name))
        }
    }

    @Test("several problems are reported at once")
    func severalProblems() throws {
        let environment = try load([
            "MINIO_KMS_KES_ENDPOINT": "kes:7373,https://k{3...1}", "MINIO_KMS_KES_KEY_NAME": "",
            "MINIO_KMS_KES_KEY_FILE": "", "MINIO_KMS_SECRET_KEY": "k:AAAA", "MINIO_KMS_REPLICATE_KEYID": "false",
            "MINIO_KMS_KES_KEYNAME": "x",
        ])
        #expect(
            environment.messages(.error) == [
                "kms: invalid endpoint 'kes:7373': first path segment in URL cannot contain colon",
                "kms: invalid endpoint 'https://k{3...1}': Incorrect range start 3 cannot be bigger than end 1",
                "MINIO_KMS_KES_KEY_NAME is empty", "MINIO_KMS_KES_KEY_FILE is empty", "kms: invalid key length 3",
                Self.kesAndStatic,
            ]
        )
        #expect(environment.messages(.warning).count == 2)
    }
}
