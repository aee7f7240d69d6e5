// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Cryptography
import KESProtocol
import KeyService
import LockedMemory

/// Answers calls from the keys there are, at once and on the caller's thread.
final class KESResponder: Sendable {
    let keys: KeyStore
    let access = AccessRules()
    let metrics = ServerMetrics()
    private let listingPageSize: Int

    /// - Parameter listingPageSize: nil: no pages.
    init(keys: KeyStore, listingPageSize: Int?) {
        self.keys = keys
        self.listingPageSize = listingPageSize ?? .max
    }

    /// - Parameters:
    ///   - body: nil if it was longer than the endpoint takes.
    func answer(_ call: Call, body: Span<UInt8>?, lengthWasAnnounced: Bool) -> Answer {
        do throws(KESFailure) {
            guard let body else {
                var answer = Answer(.invalidBody(for: call.endpoint))
                answer.closes = true
                return answer
            }
            switch call.subject {
            case .key(let name):
                return try self.answer(call, name, body: body, lengthWasAnnounced: lengthWasAnnounced)
            case .keys(let prefix): return self.list(prefix: prefix)
            case .server: return self.resolve(call.endpoint)
            }
        } catch {
            return Answer(error)
        }
    }

    // MARK: Keys

    private func answer(
        _ call: Call, _ name: KeyName, body: Span<UInt8>, lengthWasAnnounced: Bool
    ) throws(KESFailure) -> Answer {
        let endpoint = call.endpoint
        let memory = self.keys.memory
        switch endpoint {
        case .decrypt:
            let request = try KESRequest.Decrypt(decoding: body)
            return try self.using(name, at: endpoint) { key throws(CryptographyError) in
                Answer(KESAnswer.Decrypt(try key.open(request.ciphertext, request.associatedData)))
            }
        case .generateKey:
            let request = try KESRequest.GenerateKey(decoding: body, lengthWasAnnounced: lengthWasAnnounced)
            return try self.using(name, at: endpoint) { key throws(CryptographyError) in
                Answer(KESAnswer.GenerateKey(try key.makeDataKey(request.associatedData)))
            }
        case .encrypt:
            let request = try KESRequest.Encrypt(decoding: body, memory: memory)
            return try self.using(name, at: endpoint) { key throws(CryptographyError) in
                Answer(KESAnswer.Encrypt(try key.seal(request.plaintext, request.associatedData)))
            }
        case .hmac:
            let request = try KESRequest.HMAC(decoding: body)
            return try self.using(name, at: endpoint) { key throws(CryptographyError) in
                Answer(KESAnswer.HMAC(try key.code(of: request.message)))
            }
        case .describeKey:
            return try self.using(name, at: endpoint) { key throws(CryptographyError) in
                Answer(json: KESAnswer.DescribeKey(key.description).body)
            }
        case .createKey:
            return try self.translating(at: endpoint) { () throws(KeyServiceError) in
                let key: Secret
                do throws(CryptographyError) {
                    key = try Randomness.secret(byteCount: 32, in: memory)
                } catch {
                    throw .internalFailure
                }
                try self.keys.create(name, key: key, algorithm: .aes256, by: call.identity)
                return .empty
            }
        case .importKey:
            let request = try KESRequest.ImportKey(decoding: body, memory: memory)
            return try self.translating(at: endpoint) { () throws(KeyServiceError) in
                let key: Secret
                do throws(LockedMemoryError) {
                    key = try request.key.withBytes { bytes throws(LockedMemoryError) in
                        try Secret(copying: bytes, in: memory)
                    }
                } catch {
                    throw KeyServiceError(error)
                }
                try self.keys.create(name, key: key, algorithm: request.algorithm, by: call.identity)
                return .empty
            }
        case .deleteKey:
            guard self.keys.remove(name) else { throw KESFailure(.keyNotFound, at: endpoint) }
            return .empty
        case .listKeys, .version, .ready, .status, .metrics, .api:
            preconditionFailure("\(endpoint) is about no key")
        }
    }

    /// Does `body` with a key.
    private func using(
        _ name: KeyName, at endpoint: Operation, _ body: (FakeKey) throws(CryptographyError) -> Answer
    ) throws(KESFailure) -> Answer {
        try self.translating(at: endpoint) { () throws(KeyServiceError) in
            let key = try self.keys.key(name)
            do throws(CryptographyError) {
                return try body(key)
            } catch {
                switch error {
                case .notAuthentic: throw .decryptionFailed
                case .memory, .openSSL, .openSSLInUse: throw .internalFailure
                }
            }
        }
    }

    private func translating(
        at endpoint: Operation, _ body: () throws(KeyServiceError) -> Answer
    ) throws(KESFailure) -> Answer {
        do throws(KeyServiceError) { return try body() } catch { throw KESFailure(error, at: endpoint) }
    }

    private func list(prefix: String) -> Answer {
        let names = self.keys.names.filter { $0.description.hasPrefix(prefix) }
        let (page, rest) = (names.prefix(self.listingPageSize), names.dropFirst(self.listingPageSize))
        return Answer(
            json: KESAnswer.ListKeys(KeyListing(names: Array(page), continueAt: rest.first?.description)).body)
    }

    // MARK: The server

    private func resolve(_ endpoint: Operation) -> Answer {
        switch endpoint {
        case .version: Answer(json: KESAnswer.Version(version: Self.version, commit: "<unknown>").body)
        case .ready: .empty
        case .status: Answer(json: self.metrics.status(version: Self.version))
        case .metrics: Answer(metrics: self.metrics.text)
        case .api: Answer(json: KESAnswer.API().body)
        case .decrypt, .generateKey, .encrypt, .hmac, .describeKey, .listKeys, .createKey, .importKey, .deleteKey:
            preconditionFailure("\(endpoint) is about keys")
        }
    }

    private static let version = "2025-03-12T09-35-18Z"
}
