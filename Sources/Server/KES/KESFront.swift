// SPDX-License-Identifier: Apache-2.0

package import Authorization
package import HTTPMessages
package import KESProtocol
package import KeyCache
package import KeyService
package import LockedMemory
import Primitives
package import Telemetry

/// Serves the KES API, with the agent's own `/metrics` and `/v1/keyside/cache` beside it.
///
/// The order of what is looked at is KES's and part of its contract: path, method, rights, name, body, key.
package final class KESFront: Front {
    let service: any KeyService
    /// The one in the service, if there is one.
    let cache: CachedKeyService?
    let memory: SecretMemory
    /// Bytes of locked memory for requests with long bodies, and for small ones with secrets.
    let longAdmission: AdmissionControl
    let smallAdmission: AdmissionControl
    let facts: AgentFacts
    let authorizer: Authorizer
    /// Requests whose answer is awaited.
    let active = Counter()
    let requests: RequestMetrics
    private let sources: [any MetricsSource]

    /// - Parameters:
    ///   - budget: how much locked memory requests may have at a time.
    ///   - authorizer: by default, refuses every client of TLS.
    ///   - requestMetrics: what the server's requests are counted by.
    ///   - sources: other parts of the agent that count.
    package init(
        service: any KeyService, cache: CachedKeyService? = nil, memory: SecretMemory,
        requests budget: RequestBudget = RequestBudget(byteCount: 32 << 20, inFlightMax: 512), facts: AgentFacts,
        authorizer: Authorizer = Authorizer(Gate(policies: [], bindings: [])),
        requestMetrics: RequestMetrics = RequestMetrics(), sources: [any MetricsSource] = []
    ) {
        self.service = service
        self.cache = cache
        self.memory = memory
        self.longAdmission = AdmissionControl(
            capacity: budget.longRequestByteCount, waitingCountMax: Self.waitingLongRequestCountMax)
        self.smallAdmission = AdmissionControl(
            capacity: budget.smallRequestByteCount, waitingCountMax: Self.waitingSmallRequestCountMax)
        self.facts = facts
        self.authorizer = authorizer
        self.requests = requestMetrics
        self.sources = sources
    }

    /// Requests that wait for memory. One more is answered 503. Each waits with its body in a ``TransitBuffer``, which is
    /// ordinary memory where locked memory is short: 128 MB at most for long ones, 8 MB for small ones.
    private static let waitingLongRequestCountMax = 128
    private static let waitingSmallRequestCountMax = 2048

    var report: MetricsReport {
        MetricsReport(
            facts: self.facts, memory: self.memory, requests: self.requests, activeRequests: self.active,
            denials: self.authorizer.denials, sources: self.sources)
    }

    package func route(_ head: RequestHead, from peer: Peer) -> any RoutedRequest {
        do throws(RequestError) {
            switch try RequestTarget(head.target) {
            case .path(let path):
                return self.route(head.method, path, from: peer)
            case .redirect(let location):
                return self.refuse(Response(.movedPermanently, fields: [.init("Location", location)]), from: peer)
            case .asterisk where head.method == .options:
                return self.refuse(Response(.ok), from: peer)
            case .asterisk, .authority:
                return self.refuse(.pageNotFound, from: peer)
            }
        } catch {
            return self.refuse(self.refusal(error.status, error.message), from: peer)
        }
    }

    private func route(_ method: RequestMethod, _ path: [UInt8], from peer: Peer) -> KESRoutedRequest {
        if let route = CacheRoute(decodedPath: path.span) { return self.route(method, path, route, from: peer) }
        let route = KESRoute(decodedPath: path.span)
        guard let endpoint = route?.endpoint ?? (path == Self.allMetricsPath ? .metrics : nil) else {
            return self.refuse(.pageNotFound, from: peer)
        }
        do throws(KESFailure) {
            guard method.isAccepted(by: endpoint) else {
                throw .wrongMethod(Array(method.name.utf8).span, for: endpoint)
            }
            let judged = route?.lacksSlash(in: path.span) == true ? path + [UInt8(ascii: "/")] : path
            let key = route.flatMap { endpoint.takesName ? Self.keyName(path.span.extracting($0.name)) : nil }
            try self.authorize(peer, to: endpoint, on: key, at: judged)
            guard let route else { return self.work(on: .allMetrics, at: endpoint, judgedBy: judged, from: peer) }
            let name = path.span.extracting(route.name)
            let subject: KESRoutedRequest.Subject =
                if endpoint == .listKeys {
                    .list(try KeyListingRequest(kes: name))
                } else if let key {
                    .key(key)
                } else if endpoint.takesName {
                    .key(try KeyName(kes: name))  // Throws what is wrong with it.
                } else {
                    .agent
                }
            return self.work(on: subject, at: endpoint, judgedBy: judged, from: peer)
        } catch {
            return self.refuse(Response(error, at: endpoint), at: endpoint, from: peer)
        }
    }

    private func route(
        _ method: RequestMethod, _ path: [UInt8], _ route: CacheRoute, from peer: Peer
    ) -> KESRoutedRequest {
        do throws(KESFailure) {
            try route.check(method)
            try self.authorize(peer, to: nil, on: route.key(in: path.span), at: path)
            return self.work(
                on: try route.subject(for: method, path: path.span), at: nil, judgedBy: path, from: peer)
        } catch {
            return self.refuse(Response(error, allowing: route.methods), from: peer)
        }
    }

    /// Nil where the bytes are no name.
    private static func keyName(_ bytes: Span<UInt8>) -> KeyName? {
        do throws(KESFailure) { return try KeyName(kes: bytes) } catch { return nil }
    }

    private static let allMetricsPath = Array("/metrics".utf8)

    func refuse(_ response: Response, at endpoint: Operation? = nil, from peer: Peer) -> KESRoutedRequest {
        self.work(on: .refused(response), at: endpoint, judgedBy: [], from: peer)
    }

    private func work(
        on subject: KESRoutedRequest.Subject, at endpoint: Operation?, judgedBy path: [UInt8], from peer: Peer
    ) -> KESRoutedRequest {
        KESRoutedRequest(
            front: self, endpoint: endpoint, subject: subject, path: path)
    }

    package func refusal(_ status: ResponseStatus, _ message: String) -> Response {
        Response(KESFailure(status: status.rawValue, message: message), at: nil)
    }
}
