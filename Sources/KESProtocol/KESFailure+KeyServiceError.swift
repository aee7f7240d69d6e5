// SPDX-License-Identifier: Apache-2.0

package import KeyService

/// The table that maps errors of key services to KES's statuses and texts. Both directions use it.
extension KESFailure {
    /// The failure that a client of `endpoint` receives.
    ///
    /// An unreachable key server is 502, as in KES when its key store is down. 503 makes KES's client retry within a
    /// second, so only overload uses it.
    package init(_ error: KeyServiceError, at endpoint: Operation) {
        switch error {
        case .keyNotFound: self.init(status: 404, message: "key does not exist")
        case .keyExists: self.init(status: 400, message: "key already exists")
        case .notAllowed: self.init(status: 403, message: "not authorized: insufficient permissions")
        case .decryptionFailed:
            self.init(status: 400, message: "decryption failed: ciphertext is not authentic")
        case .notSupported: self.init(status: 501, message: "requested functionality is not supported")
        case .unsupportedAlgorithm: self.init(status: 406, message: "algorithm is not supported")
        case .hmacNotSupported: self.init(status: 409, message: "key does not support HMAC")
        case .overloaded: self.init(status: 503, message: "too many requests in progress")
        case .outOfMemory: self = .outOfMemory
        case .unavailable: self = .unavailable(at: endpoint)
        case .contradicted:
            self.init(status: 502, message: "key servers returned different plaintexts for this ciphertext")
        case .timedOut: self.init(status: 504, message: "the key server did not answer in time")
        case .internalFailure: self.init(status: 500, message: Self.internalFailureMessage(at: endpoint))
        }
    }

    /// The process has no locked memory left for the request.
    package static let outOfMemory = KESFailure(
        status: 503, message: "no locked memory left for this request at present")

    private static func unavailable(at endpoint: Operation) -> Self {
        switch endpoint {
        case .describeKey, .generateKey, .encrypt, .decrypt, .hmac: Self(status: 502, message: "failed to read key")
        case .createKey, .importKey: Self(status: 502, message: "failed to create key")
        case .listKeys: Self(status: 502, message: "failed to list keys")
        case .deleteKey: Self(status: 502, message: "failed to delete key")
        case .ready: Self(status: 504, message: "key store is not reachable")
        case .version, .status, .metrics, .api: Self(status: 502, message: "key store is unavailable")
        }
    }

    private static func internalFailureMessage(at endpoint: Operation) -> String {
        switch endpoint {
        case .createKey, .generateKey: "failed to generate encryption key"
        case .encrypt: "failed to encrypt plaintext"
        case .decrypt: "failed to decrypt ciphertext"
        case .importKey: "failed to create key"
        case .version: "failed to read server version"
        case .hmac, .describeKey, .listKeys, .deleteKey, .ready, .status, .metrics, .api: "internal server error"
        }
    }
}

extension KeyServiceError {
    /// Interprets a KES server's failure: by status and text if they are in the table, otherwise by status alone.
    package init(kes failure: KESFailure) {
        if let error = Self.byFailure[failure] {
            self = error
            return
        }
        switch failure.status {
        case 401, 403: self = .notAllowed
        case 406: self = .unsupportedAlgorithm
        case 404, 501: self = .notSupported  // 404 with another text: an older server, without this endpoint.
        case 502: self = .unavailable
        case 429, 503: self = .overloaded
        case 504: self = .timedOut
        default: self = .internalFailure
        }
    }

    private static let byFailure: [KESFailure: KeyServiceError] = {
        // The texts of servers from before 2023.
        var table: [KESFailure: KeyServiceError] = [
            KESFailure(status: 400, message: "key does already exist"): .keyExists,
            KESFailure(status: 403, message: "prohibited by policy"): .notAllowed,
        ]
        for endpoint in Operation.allCases {
            // A key server without memory is overloaded. `.outOfMemory` means this process.
            for error in KeyServiceError.allCases where error != .outOfMemory {
                table[KESFailure(error, at: endpoint)] = error
            }
        }
        return table
    }()
}
