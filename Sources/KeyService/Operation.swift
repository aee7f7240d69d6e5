// SPDX-License-Identifier: Apache-2.0

/// What a client requests, in any protocol. Metrics, policies, retries and logs refer to operations; a protocol's own
/// names for them appear only in its front and its backend. Ordered by frequency, the most frequent first.
package enum Operation: Int, Sendable, CaseIterable {
    case decrypt
    case generateKey
    case encrypt
    case hmac
    case describeKey
    case listKeys
    case createKey
    case importKey
    case deleteKey
    case version
    case ready
    case status
    case metrics
    case api
}

extension Operation {
    /// Whether it is about keys. The others ask the agent or the key server about itself.
    package var isOnKeys: Bool {
        switch self {
        case .decrypt, .generateKey, .encrypt, .hmac, .describeKey, .listKeys, .createKey, .importKey, .deleteKey: true
        case .version, .ready, .status, .metrics, .api: false
        }
    }

    /// The name in metrics, logs and policies.
    package var name: String {
        switch self {
        case .decrypt: "decrypt"
        case .generateKey: "generate"
        case .encrypt: "encrypt"
        case .hmac: "hmac"
        case .describeKey: "describe"
        case .listKeys: "list"
        case .createKey: "create"
        case .importKey: "import"
        case .deleteKey: "delete"
        case .version: "version"
        case .ready: "ready"
        case .status: "status"
        case .metrics: "metrics"
        case .api: "api"
        }
    }
}
