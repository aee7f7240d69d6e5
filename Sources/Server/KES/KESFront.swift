// SPDX-License-Identifier: Apache-2.0

package import HTTPWire
package import KESProtocol
package import KeyService
package import LockedMemory
package import NIOCore

/// Serves the KES API, with the agent's own `/metrics` beside it.
///
/// The order of what is looked at is KES's and part of its contract: path, method, name, body, key. Who may do what
/// will be asked between method and name, where KES asks it.
package struct KESFront: Front {
    let service: any KeyService
    let memory: SecretMemory
    let facts: AgentFacts
    private let metrics = RequestMetrics()

    package init(service: any KeyService, memory: SecretMemory, facts: AgentFacts) {
        self.service = service
        self.memory = memory
        self.facts = facts
    }

    /// A request that is well-formed as far as its head tells.
    package enum Route: Sendable {
        case key(KESEndpoint, KeyName)
        case list(KeyListingRequest)
        /// An endpoint that takes no name.
        case plain(KESEndpoint)
        /// `/metrics`: KES's families and the agent's own.
        case allMetrics

        var endpoint: KESEndpoint? {
            switch self {
            case .key(let endpoint, _), .plain(let endpoint): endpoint
            case .list: .listKeys
            case .allMetrics: nil
            }
        }
    }

    var report: MetricsReport { MetricsReport(facts: self.facts, memory: self.memory, requests: self.metrics) }

    // MARK: By the head

    package func route(_ head: RequestHead) -> Routing<Route> {
        let path: [UInt8]
        do throws(RequestError) {
            switch try RequestTarget(head.target) {
            case .path(let decoded): path = decoded
            case .redirect(let location):
                return .refused(Response(.movedPermanently, fields: [.init("Location", location)]), nil)
            case .asterisk where head.method == .options:
                return .refused(Response(.ok), nil)
            case .asterisk, .authority:
                return .refused(.pageNotFound, nil)
            }
        } catch {
            return .refused(self.malformed(status: error.status, message: error.message), nil)
        }
        if path == Self.allMetricsPath { return Self.routeToAllMetrics(head.method) }
        guard let route = KESRoute(decodedPath: path.span) else { return .refused(.pageNotFound, nil) }
        let endpoint = route.endpoint
        do throws(KESFailure) {
            guard head.method.isAccepted(by: endpoint) else {
                throw .wrongMethod(Array(head.method.name.utf8).span, for: endpoint)
            }
            return .accepted(
                try Self.route(to: endpoint, name: path.span.extracting(route.name)),
                bodyByteCountMax: endpoint.bodyByteCountMax,
                timeout: TimeAmount(endpoint.timeout))
        } catch {
            return .refused(Response(error, at: endpoint), .plain(endpoint))
        }
    }

    private static func route(to endpoint: KESEndpoint, name: Span<UInt8>) throws(KESFailure) -> Route {
        guard endpoint.takesName else { return .plain(endpoint) }
        guard endpoint != .listKeys else { return .list(try KeyListingRequest(kes: name)) }
        return .key(endpoint, try KeyName(kes: name))
    }

    private static let allMetricsPath = Array("/metrics".utf8)

    private static func routeToAllMetrics(_ method: RequestMethod) -> Routing<Route> {
        guard method == .get else {
            let failure = KESFailure.wrongMethod(Array(method.name.utf8).span, for: .metrics)
            return .refused(Response(failure, at: .metrics), .allMetrics)
        }
        return .accepted(.allMetrics, bodyByteCountMax: 0, timeout: TimeAmount(KESEndpoint.metrics.timeout))
    }

    // MARK: Answers

    package func answer(
        _ route: Route, body: Span<UInt8>, bodyLengthWasAnnounced: Bool, with writer: inout ResponseWriter
    ) -> DeferredAnswer? {
        do throws(KESFailure) {
            switch route {
            case .key(.decrypt, let name):
                return try self.decrypt(name, body, &writer)
            case .key(.generateKey, let name):
                return try self.generateKey(name, body, lengthWasAnnounced: bodyLengthWasAnnounced, &writer)
            case .key(let endpoint, let name):
                return try self.ask(endpoint, of: name, body: body)
            case .list(let request):
                return self.list(request)
            case .plain(let endpoint):
                return self.tell(endpoint, with: &writer)
            case .allMetrics:
                writer.write(.metrics(self.report.text(includingOwn: true)))
                return nil
            }
        } catch {
            writer.write(Response(error, at: route.endpoint ?? .metrics))
            return nil
        }
    }

    /// The two speeds part here: an answer at hand is written on the event loop, the rest is awaited.
    private func decrypt(
        _ name: KeyName, _ body: Span<UInt8>, _ writer: inout ResponseWriter
    ) throws(KESFailure) -> DeferredAnswer? {
        let request = try KESRequest.Decrypt(decoding: body)
        return try Self.answering(.decrypt) { () throws(KeyServiceError) in
            if let plaintext = try self.service.decryptAtOnce(
                name, ciphertext: request.ciphertext, associatedData: request.associatedData)
            {
                writer.write(KESAnswer.Decrypt(plaintext))
                return nil
            }
            let service = self.service
            return { writer in
                await writer.write(at: .decrypt) { () throws(KeyServiceError) in
                    KESAnswer.Decrypt(
                        try await service.decrypt(
                            name, ciphertext: request.ciphertext, associatedData: request.associatedData))
                }
            }
        }
    }

    private func generateKey(
        _ name: KeyName, _ body: Span<UInt8>, lengthWasAnnounced: Bool, _ writer: inout ResponseWriter
    ) throws(KESFailure) -> DeferredAnswer? {
        let request = try KESRequest.GenerateKey(decoding: body, lengthWasAnnounced: lengthWasAnnounced)
        return try Self.answering(.generateKey) { () throws(KeyServiceError) in
            if let dataKey = try self.service.generateKeyAtOnce(name, associatedData: request.associatedData) {
                writer.write(KESAnswer.GenerateKey(dataKey))
                return nil
            }
            let service = self.service
            return { writer in
                await writer.write(at: .generateKey) { () throws(KeyServiceError) in
                    KESAnswer.GenerateKey(
                        try await service.generateKey(name, associatedData: request.associatedData))
                }
            }
        }
    }

    private static func answering(
        _ endpoint: KESEndpoint, _ body: () throws(KeyServiceError) -> DeferredAnswer?
    ) throws(KESFailure) -> DeferredAnswer? {
        do throws(KeyServiceError) {
            return try body()
        } catch {
            throw KESFailure(error, at: endpoint)
        }
    }

    // MARK: What the connection asks for

    package func bodyTooLarge(_ route: Route) -> Response {
        let endpoint = route.endpoint ?? .metrics
        return Response(.invalidBody(for: endpoint), at: endpoint)
    }

    package func timedOut(_ route: Route) -> Response {
        let endpoint = route.endpoint ?? .metrics
        return Response(KESFailure(.timedOut, at: endpoint), at: endpoint)
    }

    package func malformed(status: ResponseStatus, message: String) -> Response {
        Response(status, contentType: "application/json", body: KESFailure(status: status.rawValue, message: message).body)
    }

    package func answered(_ route: Route?, status: ResponseStatus, duration: TimeAmount) {
        self.metrics.answered(route?.endpoint, status: status, nanoseconds: Int(duration.nanoseconds))
    }
}
