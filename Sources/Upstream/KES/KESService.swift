// SPDX-License-Identifier: Apache-2.0

import KESProtocol
package import KeyService
package import LockedMemory
import Primitives
import Synchronization

/// Serves data keys from a cluster of KES servers.
///
/// A request takes one of the ``ConcurrencyLimiter``, goes to the endpoint that the ``EndpointPool`` chooses, over the
/// ``KESTransport`` of the moment, and from endpoint to endpoint as its ``RetryState`` says; an ``AttemptFailure``
/// knows what each failure means. While no endpoint can be reached, requests wait for one to return, at most for the
/// connect timeout; when none has returned by then, they fail at once until one does.
///
/// ``run()`` must be running for endpoints that failed to be looked at again.
package final class KESService: KeyService {
    package let kind = "KES"
    package let defaultKeyName: KeyName

    let addresses: [String]
    let options: UpstreamOptions
    let memory: SecretMemory
    let clock: any SteadyClock
    let report: @Sendable (UpstreamNotice) -> Void

    let limiter: ConcurrencyLimiter
    let metrics: UpstreamMetrics
    let hedging: Hedging?
    let wakeSignal = WakeSignal()
    let state: Mutex<State>

    /// - Parameters:
    ///   - endpoints: `https://kes-1:7373`; one or more. One that is named twice is one.
    ///   - keyName: for callers that leave it out.
    ///   - transport: opened with the credentials of the start; see ``use(_:)``.
    ///   - seed: for lots and jitter; a test's, or any number.
    ///   - report: is told of changes, at once and on any thread.
    package init(
        endpoints: [String],
        keyName: KeyName,
        options: UpstreamOptions = UpstreamOptions(),
        transport: any KESTransport,
        memory: SecretMemory,
        clock: any SteadyClock = ContinuousClock(),
        seed: UInt64 = .random(in: .min ... .max),
        report: @escaping @Sendable (UpstreamNotice) -> Void
    ) {
        self.defaultKeyName = keyName
        self.addresses = endpoints.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        self.options = options
        self.memory = memory
        self.clock = clock
        self.report = report
        self.limiter = ConcurrencyLimiter(inFlightMax: options.inFlightMax, queuedMax: options.queuedMax)
        self.metrics = UpstreamMetrics(addresses: self.addresses)
        self.hedging = options.isHedging && self.addresses.count > 1 ? Hedging() : nil
        self.state = Mutex(
            State(
                pool: EndpointPool(count: self.addresses.count, at: clock.now, seed: seed), transport: transport,
                connectTimeout: options.connectTimeout))
    }

    /// From now on requests go over `transport`, which has new credentials. What is under way ends on the old one.
    package func use(_ transport: any KESTransport) {
        let now = self.clock.now
        let old = self.state.withLock { state in
            let old = state.transport
            state.transport = transport
            state.pool.probeAll(at: now)
            return old
        }
        old.retire()
        self.wakeSignal.signal()
    }

    // MARK: Data keys

    package func generateKey(
        _ name: KeyName, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> DataKey {
        var endpoint = -1
        let dataKey = try await self.ask(
            .generateKey, name.description, KESRequest.GenerateKey(associatedData: associatedData),
            answering: &endpoint
        ) { (body, memory) throws(KESAnswer.Unusable) in
            try KESAnswer.GenerateKey(decoding: body, memory: memory).takeDataKey()
        }
        let ciphertext = dataKey.ciphertext
        return DataKey(
            plaintext: dataKey.takePlaintext(), ciphertext: ciphertext, endpoint: EndpointIndex(position: endpoint))
    }

    package func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Decryption {
        let request = KESRequest.Decrypt(ciphertext: ciphertext, associatedData: associatedData)
        if let hedging = self.hedging { return try await self.decrypt(name, request, hedging: hedging) }
        var endpoint = -1
        let plaintext = try await self.ask(
            .decrypt, name.description, request, answering: &endpoint, decode: Self.plaintext)
        return Decryption(plaintext, endpoint: EndpointIndex(position: endpoint))
    }

    package func decrypt(
        _ name: KeyName, ciphertext: Ciphertext, associatedData: AssociatedData, avoiding endpoints: [EndpointIndex]
    ) async throws(KeyServiceError) -> Decryption {
        let request = KESRequest.Decrypt(ciphertext: ciphertext, associatedData: associatedData)
        var endpoint = -1
        let plaintext = try await self.ask(
            .decrypt, name.description, request, avoiding: endpoints.map { Int($0.value) }, answering: &endpoint,
            decode: Self.plaintext)
        return Decryption(plaintext, endpoint: EndpointIndex(position: endpoint))
    }

    static func plaintext(of body: Span<UInt8>, memory: SecretMemory) throws(KESAnswer.Unusable) -> Secret {
        try KESAnswer.Decrypt(decoding: body, memory: memory).takePlaintext()
    }

    package func encrypt(
        _ name: KeyName, plaintext: consuming Secret, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> Ciphertext {
        let body = try await self.body(of: KESRequest.Encrypt(plaintext: plaintext, associatedData: associatedData))
        return try await self.ask(.encrypt, name.description, body: body) { (body, _) throws(KESAnswer.Unusable) in
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
        let body = try await self.body(of: KESRequest.ImportKey(key: key, algorithm: algorithm))
        try await self.ask(.importKey, name.description, body: body, decode: Self.nothing)
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

    // MARK: Bodies

    /// What a KES server answers where success says it all.
    private static func nothing(_ body: Span<UInt8>, memory: SecretMemory) throws(KESAnswer.Unusable) {
        guard body.isEmpty else { throw .wrongLength(of: "body", byteCount: body.count) }
    }

    /// Encodes a message that holds a secret, and ends it: two copies of a long secret are one too many. Waits for memory if
    /// there is none at the moment.
    private func body(
        of message: consuming some KESMessage & ~Copyable
    ) async throws(KeyServiceError) -> SharedSecret? {
        let deadline = self.clock.now + self.options.timeout
        var backoff = Backoff.forMemory
        while true {
            do {
                return try KESCall.encode(message, in: self.memory)
            } catch {
                guard self.clock.now < deadline else { throw .outOfMemory }
            }
            do {
                try await self.clock.sleep(until: self.clock.now + backoff.next(), tolerance: nil)
            } catch {
                throw .outOfMemory
            }
        }
    }
}

extension EndpointIndex {
    /// Nil beyond what the cache can remember, which is more than a configuration can name.
    init?(position: Int) {
        guard let value = UInt16(exactly: position), value < .max else { return nil }
        self.init(value)
    }
}
