// SPDX-License-Identifier: Apache-2.0

package import Cluster
import KESProtocol
package import KeyService
package import LockedMemory
package import Telemetry

/// Serves data keys from a cluster of KES servers: says each operation in KES's messages, and has a ``ClusterClient`` ask
/// for it.
package final class KESService: KeyService {
    package let kind = "KES"
    package let defaultKeyName: KeyName

    package let cluster: ClusterClient
    private let memory: SecretMemory

    /// - Parameters:
    ///   - endpoints: `https://kes-1:7373`; one or more. One that is named twice is one.
    ///   - keyName: for callers that leave it out.
    ///   - transport: uses the first credentials; see ``ClusterClient/use(_:)``.
    ///   - memory: for bodies and secrets.
    ///   - seed: for random choices and jitter; a test's, or any number.
    ///   - report: is told of changes, at once and on any thread.
    package init(
        endpoints: [String],
        keyName: KeyName,
        options: ClusterOptions = ClusterOptions(),
        transport: any ClusterTransport,
        memory: SecretMemory,
        clock: any SteadyClock = ContinuousClock(),
        seed: UInt64 = .random(in: .min ... .max),
        report: @escaping @Sendable (ClusterNotice) -> Void
    ) {
        self.defaultKeyName = keyName
        self.memory = memory
        self.cluster = ClusterClient(
            addresses: endpoints, backend: KESCodec(), options: options, transport: transport, memory: memory,
            clock: clock, seed: seed, report: report)
    }

    package func status() async -> BackendStatus { await self.cluster.status() }

    package var isOutOfReach: Bool { self.cluster.isOutOfReach }

    package func countWrongPlaintext(by endpoint: EndpointIndex) { self.cluster.countWrongPlaintext(by: endpoint) }

    // MARK: Data keys

    package func generateKey(
        _ name: KeyName, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> DataKey {
        var endpoint: EndpointIndex?
        let dataKey = try await self.ask(
            .generateKey, name.description, KESRequest.GenerateKey(associatedData: associatedData),
            answering: &endpoint
        ) { (body, memory) throws(KESAnswer.Unusable) in
            try KESAnswer.GenerateKey(decoding: body, memory: memory).takeDataKey()
        }
        let ciphertext = dataKey.ciphertext
        return DataKey(
            plaintext: dataKey.takePlaintext(), ciphertext: ciphertext, endpoint: endpoint)
    }

    package func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Decryption {
        let request = KESRequest.Decrypt(ciphertext: ciphertext, associatedData: associatedData)
        if self.cluster.isHedging { return try await self.decryptHedged(name, request) }
        var endpoint: EndpointIndex?
        let plaintext = try await self.ask(
            .decrypt, name.description, request, answering: &endpoint, decode: Self.plaintext)
        return Decryption(plaintext, endpoint: endpoint)
    }

    package func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData, avoiding endpoints: [EndpointIndex]
    ) async throws(KeyServiceError) -> Decryption {
        let request = KESRequest.Decrypt(ciphertext: ciphertext, associatedData: associatedData)
        var endpoint: EndpointIndex?
        let plaintext = try await self.ask(
            .decrypt, name.description, request, avoiding: endpoints, answering: &endpoint,
            decode: Self.plaintext)
        return Decryption(plaintext, endpoint: endpoint)
    }

    static func plaintext(of body: Span<UInt8>, memory: SecretMemory) throws(KESAnswer.Unusable) -> Secret {
        try KESAnswer.Decrypt(decoding: body, memory: memory).takePlaintext()
    }

    package func encrypt(
        _ name: KeyName, plaintext: consuming Secret, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Ciphertext {
        try await self.ask(
            .encrypt, name.description,
            ending: KESRequest.Encrypt(plaintext: plaintext, associatedData: associatedData)
        ) { (body, _) throws(KESAnswer.Unusable) in
            try KESAnswer.Encrypt(decoding: body).ciphertext
        }
    }

    package func hmac(_ name: KeyName, message: [UInt8]) async throws(KeyServiceError) -> Secret {
        try await self.ask(
            .hmac, name.description, KESRequest.HMAC(message: message)
        ) { (body, memory) throws(KESAnswer.Unusable) in
            try KESAnswer.HMAC(decoding: body, memory: memory).takeCode()
        }
    }

    // MARK: Keys

    package func createKey(_ name: KeyName) async throws(KeyServiceError) {
        try await self.ask(.createKey, name.description, NoBody(), decode: Self.nothing)
    }

    package func importKey(
        _ name: KeyName, key: consuming Secret, algorithm: KeyAlgorithm
    ) async throws(KeyServiceError) {
        try await self.ask(
            .importKey, name.description, ending: KESRequest.ImportKey(key: key, algorithm: algorithm),
            decode: Self.nothing)
    }

    package func describeKey(_ name: KeyName) async throws(KeyServiceError) -> KeyDescription {
        try await self.ask(.describeKey, name.description, NoBody()) { (body, _) throws(KESAnswer.Unusable) in
            try KESAnswer.DescribeKey(decoding: body).key
        }
    }

    /// One page of KES's. It takes where to continue as another prefix.
    package func listKeys(_ request: KeyListingRequest) async throws(KeyServiceError) -> KeyListing {
        let prefix = request.continueAt.isEmpty ? request.prefix : request.continueAt
        return try await self.ask(.listKeys, prefix, NoBody()) { (body, _) throws(KESAnswer.Unusable) in
            try KESAnswer.ListKeys(decoding: body).listing
        }
    }

    package func deleteKey(_ name: KeyName) async throws(KeyServiceError) {
        try await self.ask(.deleteKey, name.description, NoBody(), decode: Self.nothing)
    }

    package func version() async throws(KeyServiceError) -> String {
        try await self.ask(.version, "", NoBody()) { (body, _) throws(KESAnswer.Unusable) in
            try KESAnswer.Version(decoding: body).version
        }
    }

    // MARK: Asking

    /// What a KES server answers where success says it all.
    private static func nothing(_ body: Span<UInt8>, memory: SecretMemory) throws(KESAnswer.Unusable) {
        guard body.isEmpty else { throw .wrongLength(of: "body", byteCount: body.count) }
    }

    /// Asks for `operation` on `name`. The message is encoded anew for each attempt.
    private func ask<Value: ~Copyable>(
        _ operation: Operation, _ name: String, _ message: some KESMessage, decode: KESDecoder<Value>
    ) async throws(KeyServiceError) -> Value {
        var answering: EndpointIndex?
        return try await self.ask(operation, name, message, answering: &answering, decode: decode)
    }

    /// - Parameter answering: becomes the endpoint that answers.
    private func ask<Value: ~Copyable>(
        _ operation: Operation, _ name: String, _ message: some KESMessage, avoiding avoided: [EndpointIndex] = [],
        answering: inout EndpointIndex?, decode: KESDecoder<Value>
    ) async throws(KeyServiceError) -> Value {
        var value: Value?
        answering = try await self.cluster.perform(operation, on: name, avoiding: avoided) {
            () throws(LockedMemoryError) in
            try KESCodec.encode(message, in: self.memory)
        } decode: { body throws(AnswerFault) in
            value = try Self.decode(body, self.memory, decode)
        }
        guard let value = value.take() else { throw .internalFailure }
        return value
    }

    /// Asks with a message that holds a secret, and ends it before: two copies of a long secret are one too many.
    private func ask<Value: ~Copyable>(
        _ operation: Operation, _ name: String, ending message: consuming some KESMessage & ~Copyable,
        decode: KESDecoder<Value>
    ) async throws(KeyServiceError) -> Value {
        let body = try await self.body(of: message)
        var value: Value?
        try await self.cluster.perform(operation, on: name) {
            body
        } decode: { body throws(AnswerFault) in
            value = try Self.decode(body, self.memory, decode)
        }
        guard let value = value.take() else { throw .internalFailure }
        return value
    }

    /// Encodes a message, and ends it. Waits for memory if there is none at the moment.
    private func body(
        of message: consuming some KESMessage & ~Copyable
    ) async throws(KeyServiceError) -> SharedSecret? {
        try await self.cluster.waitForMemory { () throws(LockedMemoryError) in
            try KESCodec.encode(message, in: self.memory)
        }
    }

    private func decryptHedged(
        _ name: KeyName, _ request: KESRequest.Decrypt
    ) async throws(KeyServiceError) -> Decryption {
        try await self.cluster.performHedged(.decrypt, on: name.description) {
            [memory] () throws(LockedMemoryError) in
            try KESCodec.encode(request, in: memory)
        } decode: { [memory] body throws(AnswerFault) in
            try Self.decode(body, memory, Self.plaintext)
        }
    }

    private static func decode<Value: ~Copyable>(
        _ body: Span<UInt8>, _ memory: SecretMemory, _ decode: KESDecoder<Value>
    ) throws(AnswerFault) -> Value {
        do throws(KESAnswer.Unusable) {
            return try decode(body, memory)
        } catch {
            throw AnswerFault(error)
        }
    }
}

/// Reads the body of a successful answer.
private typealias KESDecoder<Value: ~Copyable> = (Span<UInt8>, SecretMemory) throws(KESAnswer.Unusable) -> Value

extension KESService: MetricsSource {
    package func writeMetrics(to text: inout MetricsText) { self.cluster.writeMetrics(to: &text) }
}
