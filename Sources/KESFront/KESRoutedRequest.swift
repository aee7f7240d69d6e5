// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer
import KESProtocol
import KeyService
import Linux
import Telemetry

/// A request to the KES API from its head to its answer, as often as the same head comes.
final class KESRoutedRequest: RoutedRequest {
    let front: KESFront
    let endpoint: Operation
    let subject: Subject
    /// What rights are judged by: see ``KESFront/authorize(_:to:on:at:)``. Empty where they were not asked for.
    private let path: [UInt8]

    /// What a request is about.
    enum Subject: Sendable {
        case key(KeyName)
        case list(KeyListingRequest)
        /// The agent itself, at an endpoint that takes no name.
        case agent
        /// Nothing that could be answered otherwise.
        case refused(Response)
    }

    init(front: KESFront, endpoint: Operation, subject: Subject, path: [UInt8]) {
        self.front = front
        self.endpoint = endpoint
        self.subject = subject
        self.path = path
    }

    // MARK: RoutedRequest

    var requestSubject: RequestSubject { .operation(self.endpoint) }

    var keyName: KeyName? {
        guard case .key(let name) = self.subject else { return nil }
        return name
    }

    /// Refusals do not: what was refused may be allowed by now.
    var mayRecur: Bool {
        if case .refused = self.subject { false } else { true }
    }

    func again(from peer: Peer) -> any RoutedRequest {
        do throws(KESFailure) {
            try self.front.authorize(peer, to: self.endpoint, on: self.keyName, at: self.path)
            return self
        } catch {
            return self.front.refuse(Response(error, at: self.endpoint), at: self.endpoint)
        }
    }

    var refusal: Response? {
        guard case .refused(let response) = self.subject else { return nil }
        return response
    }

    var bodyByteCountMax: Int { self.endpoint.bodyByteCountMax }

    var timeout: Interval { .seconds(self.endpoint.timeoutInSeconds) }

    var bodyTooLarge: Response {
        Response(.invalidBody(for: self.endpoint), at: self.endpoint)
    }

    var timedOut: Response {
        Response(KESFailure(.timedOut, at: self.endpoint), at: self.endpoint)
    }

    func answer(
        body: Span<UInt8>, bodyLengthWasAnnounced: Bool, with writer: inout ResponseWriter
    ) -> DeferredAnswer? {
        do throws(KESFailure) {
            switch (self.subject, self.endpoint) {
            case (.key(let name), .decrypt):
                return try self.decrypt(name, body, &writer)
            case (.key(let name), .generateKey):
                return try self.generateKey(name, body, lengthWasAnnounced: bodyLengthWasAnnounced, &writer)
            case (.key(let name), let endpoint):
                return self.counted(try self.front.ask(endpoint, of: name, body: body))
            case (.list(let request), _):
                return self.counted(self.front.list(request))
            case (.agent, let endpoint):
                return self.counted(self.front.tell(endpoint, with: &writer))
            case (.refused(let response), _):
                writer.write(response)
            }
        } catch {
            writer.write(Response(error, at: self.endpoint))
        }
        return nil
    }

    // MARK: The hot operations

    private func decrypt(
        _ name: KeyName, _ body: Span<UInt8>, _ writer: inout ResponseWriter
    ) throws(KESFailure) -> DeferredAnswer? {
        let service = self.front.service
        if let decryption = try self.immediately(
            .decrypt,
            { () throws(KeyServiceError) in
                // What was read once and is at hand need not be read again.
                try service.decryptImmediately(name, requestBody: body)
            })
        {
            writer.write(decryption)
            return nil
        }
        let request = try KESRequest.Decrypt(decoding: body)
        if let decryption = try self.immediately(
            .decrypt,
            { () throws(KeyServiceError) in
                try service.decryptImmediately(
                    name, ciphertext: request.ciphertext, associatedData: request.associatedData)
            })
        {
            service.remember(
                requestBody: body, of: name, ciphertext: request.ciphertext, associatedData: request.associatedData)
            writer.write(decryption)
            return nil
        }
        return self.counted(
            self.front.admit(.decrypt, bodyOf: body.count) { writer in
                let began = Instant.now()
                do throws(KeyServiceError) {
                    let decryption = try await KESFront.whenThereIsMemory(at: .decrypt) { () throws(KeyServiceError) in
                        try await service.decrypt(
                            name, ciphertext: request.ciphertext, associatedData: request.associatedData)
                    }
                    writer.upstream = UpstreamShare(decryption.endpoint, since: began)
                    writer.write(decryption)
                } catch {
                    writer.write(Response(KESFailure(error, at: .decrypt), at: .decrypt))
                }
            })
    }

    private func generateKey(
        _ name: KeyName, _ body: Span<UInt8>, lengthWasAnnounced: Bool, _ writer: inout ResponseWriter
    ) throws(KESFailure) -> DeferredAnswer? {
        let request = try KESRequest.GenerateKey(decoding: body, lengthWasAnnounced: lengthWasAnnounced)
        let service = self.front.service
        if let dataKey = try self.immediately(
            .generateKey,
            { () throws(KeyServiceError) in
                try service.generateKeyImmediately(name, associatedData: request.associatedData)
            })
        {
            writer.write(dataKey)
            return nil
        }
        return self.counted(
            self.front.admit(.generateKey, bodyOf: body.count) { writer in
                let began = Instant.now()
                do throws(KeyServiceError) {
                    let dataKey = try await KESFront.whenThereIsMemory(at: .generateKey) { () throws(KeyServiceError) in
                        try await service.generateKey(name, associatedData: request.associatedData)
                    }
                    writer.upstream = UpstreamShare(dataKey.endpoint, since: began)
                    writer.write(dataKey)
                } catch {
                    writer.write(Response(KESFailure(error, at: .generateKey), at: .generateKey))
                }
            })
    }

    /// An answer that is at hand. Nil also where there is no memory for it at the moment: then it is waited for.
    @inline(__always)
    private func immediately<Answer: ~Copyable>(
        _ endpoint: Operation, _ body: () throws(KeyServiceError) -> Answer?
    ) throws(KESFailure) -> Answer? {
        do throws(KeyServiceError) {
            return try body()
        } catch .outOfMemory {
            return nil
        } catch {
            throw KESFailure(error, at: endpoint)
        }
    }

    /// The same work, counted as active while it is awaited.
    private func counted(_ deferred: DeferredAnswer?) -> DeferredAnswer? {
        guard let deferred else { return nil }
        let active = self.front.active
        return { writer in
            active.add(1)
            await deferred(&writer)
            active.add(-1)
        }
    }
}

extension UpstreamShare {
    /// Nil where the backend does not say which endpoint has answered.
    fileprivate init?(_ endpoint: EndpointIndex?, since began: Instant) {
        guard let endpoint else { return nil }
        self.init(endpoint: endpoint, duration: .now() - began)
    }
}

extension ResponseWriter {
    fileprivate mutating func write(_ decryption: consuming Decryption) {
        let origin = decryption.origin
        self.write(KESAnswer.Decrypt(decryption.takePlaintext()), from: origin)
    }

    fileprivate mutating func write(_ dataKey: consuming DataKey) {
        let origin = dataKey.origin
        self.write(KESAnswer.GenerateKey(dataKey), from: origin)
    }
}
