// SPDX-License-Identifier: Apache-2.0

package import AdminProtocol
import ByteCoding
import CurlTransport
package import KESProtocol
package import KeyService
package import LockedMemory

/// A client of a running agent. Each call blocks until the response arrives.
///
/// Plaintexts are kept in locked memory in the client too. Not thread-safe.
package final class KeysideClient {
    private let session: UnixSocketSession
    private let memory: SecretMemory

    /// Longer than any timeout of the agent, so that the agent reports what took too long.
    private static let timeout = Duration.seconds(30)

    /// Does not connect yet.
    ///
    /// - Throws: `.interrupted` or `.tooLarge` if libcurl cannot be set up.
    package init(socketPath: String, memory: SecretMemory) throws(KeysideClientError) {
        do throws(TransferFailure) {
            self.session = try UnixSocketSession(socketPath: socketPath, timeout: Self.timeout, memory: memory)
        } catch {
            throw KeysideClientError(error)
        }
        self.memory = memory
    }

    // MARK: Data keys

    /// Generates a data key; see `KeyService`.
    package func generateKey(
        _ name: KeyName, associatedData: AssociatedData
    ) throws(KeysideClientError) -> DataKey {
        let answer = try self.send(KESRequest.GenerateKey(associatedData: associatedData), to: .generateKey, name)
        return try self.decode(answer) { (body, memory) throws(KESAnswer.Unusable) in
            try KESAnswer.GenerateKey(decoding: body, memory: memory).takeDataKey()
        }
    }

    /// Encrypts a plaintext.
    package func encrypt(
        _ name: KeyName, plaintext: consuming Secret, associatedData: AssociatedData
    ) throws(KeysideClientError) -> Ciphertext {
        let request = KESRequest.Encrypt(plaintext: plaintext, associatedData: associatedData)
        let answer = try self.send(request, to: .encrypt, name)
        return try self.decode(answer) { (body, _) throws(KESAnswer.Unusable) in
            try KESAnswer.Encrypt(decoding: body).ciphertext
        }
    }

    /// Decrypts a ciphertext.
    ///
    /// - Throws: `.refused` with KES's failure if it is not authentic.
    package func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) throws(KeysideClientError) -> Secret {
        let request = KESRequest.Decrypt(ciphertext: ciphertext, associatedData: associatedData)
        let answer = try self.send(request, to: .decrypt, name)
        return try self.decode(answer) { (body, memory) throws(KESAnswer.Unusable) in
            try KESAnswer.Decrypt(decoding: body, memory: memory).takePlaintext()
        }
    }

    /// HMAC-SHA-256 of a message, 32 bytes.
    package func hmac(_ name: KeyName, message: [UInt8]) throws(KeysideClientError) -> Secret {
        let answer = try self.send(KESRequest.HMAC(message: message), to: .hmac, name)
        return try self.decode(answer) { (body, memory) throws(KESAnswer.Unusable) in
            try KESAnswer.HMAC(decoding: body, memory: memory).takeCode()
        }
    }

    // MARK: Keys

    /// Creates a key at the agent's backend.
    package func createKey(_ name: KeyName) throws(KeysideClientError) {
        _ = try self.perform(.put, Operation.createKey.path(naming: name.description), isRepeatable: false)
    }

    /// Stores an existing key at the agent's backend.
    package func importKey(
        _ name: KeyName, key: consuming Secret, algorithm: KeyAlgorithm
    ) throws(KeysideClientError) {
        _ = try self.send(KESRequest.ImportKey(key: key, algorithm: algorithm), to: .importKey, name)
    }

    /// The properties of a key.
    package func describeKey(_ name: KeyName) throws(KeysideClientError) -> KeyDescription {
        let answer = try self.perform(.get, Operation.describeKey.path(naming: name.description))
        return try self.decode(answer) { (body, _) throws(KESAnswer.Unusable) in
            try KESAnswer.DescribeKey(decoding: body).key
        }
    }

    /// The names that begin with `prefix`.
    package func listKeys(prefix: String) throws(KeysideClientError) -> KeyListing {
        let answer = try self.perform(.get, Operation.listKeys.path(naming: prefix))
        return try self.decode(answer) { (body, _) throws(KESAnswer.Unusable) in
            try KESAnswer.ListKeys(decoding: body).listing
        }
    }

    /// Deletes a key at the agent's backend.
    package func deleteKey(_ name: KeyName) throws(KeysideClientError) {
        _ = try self.perform(.delete, Operation.deleteKey.path(naming: name.description), isRepeatable: false)
    }

    // MARK: The agent

    /// The agent's status: decoded, and as the raw response.
    package func status() throws(KeysideClientError) -> (status: KESAnswer.Status, json: [UInt8]) {
        let answer = try self.perform(.get, Operation.status.path)
        return try self.decode(answer) { (body, _) throws(KESAnswer.Unusable) in
            (status: try KESAnswer.Status(decoding: body), json: body.indices.map { body[$0] })
        }
    }

    /// Checks whether the agent is ready to serve requests.
    ///
    /// - Throws: `.refused` with the reason if not.
    package func checkReady() throws(KeysideClientError) {
        _ = try self.perform(.get, Operation.ready.path)
    }

    // MARK: The cache

    private static let cachePath = "/v1/keyside/cache"

    /// Statistics of the cache: decoded, and as the raw response.
    package func cacheReport() throws(KeysideClientError) -> (report: CacheReport, json: [UInt8]) {
        let answer = try self.perform(.get, Self.cachePath)
        return try self.decodeAdmin(answer) { body throws(JSONError) in
            (report: try CacheReport(decoding: body), json: body.indices.map { body[$0] })
        }
    }

    /// Removes the data keys of a key from the agent's cache, or all data keys if `name` is nil.
    ///
    /// - Returns: the number of removed data keys.
    package func purgeCache(of name: KeyName?) throws(KeysideClientError) -> Int {
        let path = name.map { Self.cachePath + "/" + Operation.escaping($0.description) } ?? Self.cachePath
        let answer = try self.perform(.delete, path)
        return try self.decodeAdmin(answer) { body throws(JSONError) in
            try CachePurge(decoding: body).count
        }
    }

    // MARK: Requests

    private func send(
        _ message: borrowing some KESMessage & ~Copyable, to endpoint: Operation, _ name: KeyName
    ) throws(KeysideClientError) -> TransferAnswer {
        let byteCount = message.byteCount
        var body: Secret
        do throws(LockedMemoryError) {
            body = try Secret(byteCount: byteCount, in: self.memory)
        } catch {
            throw .tooLarge
        }
        body.fill { output in message.encode(into: &output) }
        return try self.perform(
            .post, endpoint.path(naming: name.description), body: body, isRepeatable: endpoint != .importKey)
    }

    /// - Throws: `.refused` on every status but 200.
    private func perform(
        _ method: Transfer.Method, _ path: String, body: consuming Secret? = nil, isRepeatable: Bool = true
    ) throws(KeysideClientError) -> TransferAnswer {
        let answer: TransferAnswer
        do throws(TransferFailure) {
            answer = try self.session.perform(method, path, body: body, isRepeatable: isRepeatable)
        } catch {
            throw KeysideClientError(error)
        }
        let status = answer.status
        guard status == 200 else {
            throw .refused(answer.body.withBytes { KESFailure(status: status, body: $0) })
        }
        return answer
    }

    private func decode<Value: ~Copyable>(
        _ answer: borrowing TransferAnswer,
        _ body: (Span<UInt8>, SecretMemory) throws(KESAnswer.Unusable) -> Value
    ) throws(KeysideClientError) -> Value {
        do throws(KESAnswer.Unusable) {
            return try answer.body.withBytes { bytes throws(KESAnswer.Unusable) in try body(bytes, self.memory) }
        } catch {
            throw .unusable(error)
        }
    }

    /// Decodes an answer of the agent's own API.
    private func decodeAdmin<Value>(
        _ answer: borrowing TransferAnswer, _ body: (Span<UInt8>) throws(JSONError) -> Value
    ) throws(KeysideClientError) -> Value {
        try self.decode(answer) { (bytes, _) throws(KESAnswer.Unusable) in
            do throws(JSONError) {
                return try body(bytes)
            } catch {
                throw .unreadable(error)
            }
        }
    }
}
