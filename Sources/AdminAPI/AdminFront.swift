// SPDX-License-Identifier: Apache-2.0

package import Authorization
package import HTTPMessages
package import HTTPServer
package import KeyCache
import KeyService
package import Telemetry

/// Serves the agent's own API: `/metrics`, and `/v1/keyside/cache` to look into the cache and to empty it.
package final class AdminFront: Front {
    package let pathPrefixes = ["/metrics", "/v1/keyside/"]
    let cache: CachedKeyService?
    private let authorizer: Authorizer
    private let sources: [any MetricsSource]

    /// - Parameters:
    ///   - cache: nil where keys are embedded.
    ///   - sources: what `/metrics` has, in this order.
    package init(cache: CachedKeyService?, authorizer: Authorizer, metrics sources: [any MetricsSource]) {
        self.cache = cache
        self.authorizer = authorizer
        self.sources = sources
    }

    package func route(_ method: RequestMethod, _ path: [UInt8], from peer: Peer) -> (any RoutedRequest)? {
        guard let route = AdminRoute(decodedPath: path.span) else { return nil }
        let key = route.keyName(in: path.span)
        do throws(AdminFailure) {
            try route.check(method)
            try self.authorize(peer, to: route.operation, on: key, at: path)
            let action = try route.action(for: method, on: key, in: path.span)
            return AdminRequest(front: self, action: action, operation: route.operation, path: path)
        } catch {
            return self.refuse(error, to: route.operation)
        }
    }

    func authorize(
        _ peer: Peer, to operation: Operation?, on key: KeyName?, at path: [UInt8]
    ) throws(AdminFailure) {
        do throws(AuthorizationRefusal) {
            try self.authorizer.authorize(peer.principals, to: operation, on: key, judgedBy: path.span)
        } catch {
            throw AdminFailure(error, of: peer)
        }
    }

    func refuse(_ failure: AdminFailure, to operation: Operation?) -> AdminRequest {
        AdminRequest(front: self, action: .refuse(failure.response), operation: operation, path: [])
    }

    /// All families, as Prometheus reads them.
    var metricsText: String {
        var text = MetricsText()
        for source in self.sources { source.writeMetrics(to: &text) }
        return text.text
    }
}
