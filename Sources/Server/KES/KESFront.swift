// SPDX-License-Identifier: Apache-2.0

package import HTTPWire
import KESProtocol
package import KeyCache
package import KeyService
package import Linux
package import LockedMemory
package import Telemetry

/// Serves the KES API, with the agent's own `/metrics` and `/v1/keyside/cache` beside it.
///
/// The order of what is looked at is KES's and part of its contract: path, method, name, body, key. Who may do what
/// will be asked between method and name, where KES asks it.
package final class KESFront: Front {
    let service: any KeyService
    /// The one in the service, if there is one.
    let cache: CachedKeyService?
    let memory: SecretMemory
    let facts: AgentFacts
    let metrics = RequestMetrics()
    private let sources: [any MetricsSource]

    /// - Parameter sources: other parts of the agent that count.
    package init(
        service: any KeyService, cache: CachedKeyService? = nil, memory: SecretMemory, facts: AgentFacts,
        sources: [any MetricsSource] = []
    ) {
        self.service = service
        self.cache = cache
        self.memory = memory
        self.facts = facts
        self.sources = sources
    }

    var report: MetricsReport {
        MetricsReport(facts: self.facts, memory: self.memory, requests: self.metrics, sources: self.sources)
    }

    package func route(_ head: RequestHead) -> any RoutedRequest {
        do throws(RequestError) {
            switch try RequestTarget(head.target) {
            case .path(let path):
                return self.route(head.method, path)
            case .redirect(let location):
                return self.refuse(Response(.movedPermanently, fields: [.init("Location", location)]))
            case .asterisk where head.method == .options:
                return self.refuse(Response(.ok))
            case .asterisk, .authority:
                return self.refuse(.pageNotFound)
            }
        } catch {
            return self.refuse(self.refusal(error.status, error.message))
        }
    }

    private func route(_ method: RequestMethod, _ path: [UInt8]) -> KESRequestInWork {
        if let route = CacheRoute(decodedPath: path.span) { return self.route(method, path, route) }
        let route = KESRoute(decodedPath: path.span)
        guard let endpoint = route?.endpoint ?? (path == Self.allMetricsPath ? .metrics : nil) else {
            return self.refuse(.pageNotFound)
        }
        do throws(KESFailure) {
            guard method.isAccepted(by: endpoint) else {
                throw .wrongMethod(Array(method.name.utf8).span, for: endpoint)
            }
            guard let route else { return KESRequestInWork(front: self, endpoint: endpoint, subject: .allMetrics) }
            let name = path.span.extracting(route.name)
            let subject: KESRequestInWork.Subject =
                if endpoint == .listKeys {
                    .list(try KeyListingRequest(kes: name))
                } else if endpoint.takesName {
                    .key(try KeyName(kes: name))
                } else {
                    .agent
                }
            return KESRequestInWork(front: self, endpoint: endpoint, subject: subject)
        } catch {
            return self.refuse(Response(error, at: endpoint), at: endpoint)
        }
    }

    private func route(_ method: RequestMethod, _ path: [UInt8], _ route: CacheRoute) -> KESRequestInWork {
        do throws(KESFailure) {
            let subject = try route.subject(for: method, path: path.span)
            return KESRequestInWork(front: self, endpoint: nil, subject: subject)
        } catch {
            return self.refuse(Response(error, allowing: route.methods))
        }
    }

    private static let allMetricsPath = Array("/metrics".utf8)

    private func refuse(_ response: Response, at endpoint: KESEndpoint? = nil) -> KESRequestInWork {
        KESRequestInWork(front: self, endpoint: endpoint, subject: .refused(response))
    }

    package func refusal(_ status: ResponseStatus, _ message: String) -> Response {
        Response(KESFailure(status: status.rawValue, message: message), at: nil)
    }

    package func answeredMalformed(_ status: ResponseStatus, duration: Interval) {
        self.metrics.answered(.unrouted, status: status, from: .bypass, nanoseconds: duration.nanoseconds)
    }
}
