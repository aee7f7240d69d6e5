// SPDX-License-Identifier: Apache-2.0

package import Authorization
package import ByteCoding
package import HTTPMessages
package import HTTPServer
package import KESProtocol
package import KeyService
package import LockedMemory
import Primitives
import Telemetry

/// Serves the KES API.
///
/// The order of what is looked at is KES's and part of its contract: path, method, rights, name, body, key.
package final class KESFront: DefaultFront {
    package let pathPrefixes = ["/v1/", "/version"]
    let service: any KeyService
    let memory: SecretMemory
    /// Bytes of locked memory for requests with long bodies, and for small ones with secrets.
    let longAdmission: AdmissionControl
    let smallAdmission: AdmissionControl
    let version: String
    let commit: String
    let began = ContinuousClock.now
    let agentStatus: @Sendable (BackendStatus) -> JSONFragment?
    let authorizer: Authorizer
    /// Requests whose answer is awaited.
    let active = Counter()
    private let requests: RequestMetrics

    /// - Parameters:
    ///   - budget: how much locked memory requests may have at a time.
    ///   - version: what `/version` and `/v1/status` say, with `commit`.
    ///   - authorizer: by default, refuses every client of TLS.
    ///   - requestMetrics: what the server's requests are counted by.
    ///   - agentStatus: what to add to KES's status as the member `keyside`.
    package init(
        service: any KeyService, memory: SecretMemory,
        requests budget: RequestBudget = RequestBudget(byteCount: 32 << 20, inFlightMax: 512), version: String,
        commit: String, authorizer: Authorizer = Authorizer(Gate(policies: [], bindings: [])),
        requestMetrics: RequestMetrics = RequestMetrics(),
        agentStatus: @escaping @Sendable (BackendStatus) -> JSONFragment? = { _ in nil }
    ) {
        self.service = service
        self.memory = memory
        self.longAdmission = AdmissionControl(
            capacity: budget.longRequestByteCount, waitingCountMax: Self.waitingLongRequestCountMax)
        self.smallAdmission = AdmissionControl(
            capacity: budget.smallRequestByteCount, waitingCountMax: Self.waitingSmallRequestCountMax)
        self.version = version
        self.commit = commit
        self.authorizer = authorizer
        self.requests = requestMetrics
        self.agentStatus = agentStatus
    }

    /// Requests that wait for memory. One more is answered 503. Each waits with its body in a ``TransitBuffer``, which is
    /// ordinary memory where locked memory is short: 128 MB at most for long ones, 8 MB for small ones.
    private static let waitingLongRequestCountMax = 128
    private static let waitingSmallRequestCountMax = 2048

    package var metrics: KESMetrics {
        KESMetrics(requests: self.requests, active: self.active, began: self.began)
    }

    package func route(_ method: RequestMethod, _ path: [UInt8], from peer: Peer) -> (any RoutedRequest)? {
        guard let route = KESRoute(decodedPath: path.span) else { return nil }
        let endpoint = route.endpoint
        do throws(KESFailure) {
            guard method.isAccepted(by: endpoint) else {
                throw .wrongMethod(Array(method.name.utf8).span, for: endpoint)
            }
            let judged = route.lacksSlash(in: path.span) ? path + [UInt8(ascii: "/")] : path
            let name = path.span.extracting(route.name)
            let key = endpoint.takesName ? Self.keyName(name) : nil
            try self.authorize(peer, to: endpoint, on: key, at: judged)
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
            return KESRoutedRequest(front: self, endpoint: endpoint, subject: subject, path: judged)
        } catch {
            return self.refuse(Response(error, at: endpoint), at: endpoint)
        }
    }

    /// Nil where the bytes are no name.
    private static func keyName(_ bytes: Span<UInt8>) -> KeyName? {
        KeyNameRule.allows(bytes) ? KeyName(String(repairing: bytes)) : nil
    }

    func refuse(_ response: Response, at endpoint: Operation) -> KESRoutedRequest {
        KESRoutedRequest(front: self, endpoint: endpoint, subject: .refused(response), path: [])
    }

    package var pathNotFound: Response { .pageNotFound }

    package func refusal(_ status: ResponseStatus, _ message: String) -> Response {
        Response(KESFailure(status: status.rawValue, message: message), at: nil)
    }
}
