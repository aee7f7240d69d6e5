// SPDX-License-Identifier: Apache-2.0

/// The variables that configure an object store's encryption, and the agent's backend.
enum KMSVariable: String, CaseIterable, Sendable {
    case server = "MINIO_KMS_SERVER"
    case enclave = "MINIO_KMS_ENCLAVE"
    case sseKey = "MINIO_KMS_SSE_KEY"
    case apiKey = "MINIO_KMS_API_KEY"

    case kesEndpoint = "MINIO_KMS_KES_ENDPOINT"
    case kesKeyName = "MINIO_KMS_KES_KEY_NAME"
    case kesAPIKey = "MINIO_KMS_KES_API_KEY"
    case kesKeyFile = "MINIO_KMS_KES_KEY_FILE"
    case kesCertFile = "MINIO_KMS_KES_CERT_FILE"
    case kesKeyPassword = "MINIO_KMS_KES_KEY_PASSWORD"
    case kesCAPath = "MINIO_KMS_KES_CAPATH"

    case secretKey = "MINIO_KMS_SECRET_KEY"
    case secretKeyFile = "MINIO_KMS_SECRET_KEY_FILE"

    case autoEncryption = "MINIO_KMS_AUTO_ENCRYPTION"
    case replicateKeyID = "MINIO_KMS_REPLICATE_KEYID"

    static let prefix = "MINIO_KMS_"
    /// Names a file of more variables, for MinIO and the agent.
    static let configFile = "MINIO_CONFIG_ENV_FILE"

    /// The group of a variable; nil for the two that only the object store uses.
    var group: BackendGroup? {
        switch self {
        case .server, .enclave, .sseKey, .apiKey: .minKMS
        case .kesEndpoint, .kesKeyName, .kesAPIKey, .kesKeyFile, .kesCertFile, .kesKeyPassword, .kesCAPath: .kes
        case .secretKey, .secretKeyFile: .staticKey
        case .autoEncryption, .replicateKeyID: nil
        }
    }

    var isSecret: Bool {
        switch self {
        case .apiKey, .kesAPIKey, .kesKeyPassword, .secretKey: true
        case .server, .enclave, .sseKey, .kesEndpoint, .kesKeyName, .kesKeyFile, .kesCertFile, .kesCAPath,
            .secretKeyFile, .autoEncryption, .replicateKeyID:
            false
        }
    }

    var isEndpointList: Bool { self == .server || self == .kesEndpoint }

    var isFile: Bool {
        switch self {
        case .kesKeyFile, .kesCertFile, .kesCAPath, .secretKeyFile: true
        case .server, .enclave, .sseKey, .apiKey, .kesEndpoint, .kesKeyName, .kesAPIKey, .kesKeyPassword, .secretKey,
            .autoEncryption, .replicateKeyID:
            false
        }
    }

    /// The error for an empty value. Nil if an empty value is valid.
    var emptiness: String? {
        switch self {
        case .server: "kms: no KMS server endpoint provided"
        case .kesEndpoint: "kms: no KES server endpoint provided"
        case .enclave, .sseKey, .apiKey, .kesKeyName, .kesAPIKey, .kesKeyFile, .kesCertFile: "\(self.rawValue) is empty"
        case .kesKeyPassword, .kesCAPath, .secretKey, .secretKeyFile, .autoEncryption, .replicateKeyID: nil
        }
    }
}

/// The three ways to configure encryption. Only one may be used.
enum BackendGroup: CaseIterable, Sendable {
    case minKMS
    case kes
    case staticKey

    /// As in MinIO's messages.
    var name: String {
        switch self {
        case .minKMS: "MinIO KMS"
        case .kes: "MinIO KES"
        case .staticKey: "static KMS key"
        }
    }
}
