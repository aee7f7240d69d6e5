// SPDX-License-Identifier: Apache-2.0

package import KeyService
package import LockedMemory

/// The configuration of a backend: complete, and validated as far as possible without connecting.
package enum Backend: Sendable {
    case staticKey(StaticKeySettings)
    case kes(KESSettings)
    case minKMS(MinKMSSettings)

    /// The kind of backend, for people.
    package var kind: String {
        switch self {
        case .staticKey: "static key"
        case .kes: "KES"
        case .minKMS: "MinIO KMS"
        }
    }

    /// The key of requests that do not name one.
    package var keyName: KeyName {
        switch self {
        case .staticKey(let settings): settings.name
        case .kes(let settings): settings.keyName
        case .minKMS(let settings): settings.keyName
        }
    }

    /// The servers in the configured order. Empty for a static key.
    package var endpoints: [Endpoint] {
        switch self {
        case .staticKey: []
        case .kes(let settings): settings.endpoints
        case .minKMS(let settings): settings.endpoints
        }
    }
}

/// A key that the agent itself holds.
package struct StaticKeySettings: Sendable {
    package static let keyByteCount = 32

    package let name: KeyName
    /// 32 bytes.
    package let key: SharedSecret
    /// The variable or the file that the key was read from.
    package let place: Place
}

/// A cluster of KES servers.
package struct KESSettings: Sendable {
    /// How the agent authenticates. The contents of texts and files are not validated yet.
    package enum Authentication: Sendable {
        case apiKey(SharedSecret)
        case certificate(certFile: String, keyFile: String, password: SharedSecret?)
    }

    package let endpoints: [Endpoint]
    package let keyName: KeyName
    /// See ``Authentication-swift.enum``.
    package let authentication: Authentication
    /// A file or directory of CA certificates that are trusted in addition to the system's.
    package let caPath: String?
}

/// A cluster of MinIO KMS servers.
package struct MinKMSSettings: Sendable {
    package let endpoints: [Endpoint]
    /// The namespace of keys at the MinIO KMS server.
    package let enclave: String
    package let keyName: KeyName
    /// The text of the API key, not validated yet.
    package let apiKey: SharedSecret
}
