// SPDX-License-Identifier: Apache-2.0

package import HTTPMessages
import KeyService
import Linux
import TLS

/// The fronts of a listener. Picks the front of a request by the longest prefix of its decoded path.
///
/// What no front has a say in is answered here: redirects to a clean path, `OPTIONS *`, and targets that cannot be
/// decoded. Picking allocates nothing beyond the decoded path.
package final class FrontRouter: Sendable {
    /// The bytes that a path begins with, and the front that answers it. Longest first.
    private let mounts: [(prefix: [UInt8], front: any Front)]
    private let fallback: any DefaultFront

    /// - Parameters:
    ///   - fallback: answers also the paths of no front, and bytes that are no request.
    ///   - others: further fronts. Of two with the same prefix, the first one gets the path.
    package init(_ fallback: any DefaultFront, _ others: [any Front] = []) {
        self.fallback = fallback
        self.mounts = (others + [fallback])
            .flatMap { front in
                front.pathPrefixes.map { (Array($0.utf8), front) }
            }
            .sorted { $0.prefix.count > $1.prefix.count }
    }

    /// Decides by the head alone what the request is, and whether `peer` may ask for it.
    package func route(_ head: RequestHead, from peer: Peer) -> any RoutedRequest {
        do throws(RequestError) {
            switch try RequestTarget(head.target) {
            case .path(let path):
                return self.front(of: path.span).route(head.method, path, from: peer)
                    ?? RefusedRequest(self.fallback.pathNotFound)
            case .redirect(let location):
                return RefusedRequest(Response(.movedPermanently, fields: [.init("Location", location)]))
            case .asterisk where head.method == .options:
                return RefusedRequest(Response(.ok))
            case .asterisk, .authority:
                return RefusedRequest(self.fallback.pathNotFound)
            }
        } catch {
            return RefusedRequest(self.refusal(error.status, error.message))
        }
    }

    private func front(of path: Span<UInt8>) -> any Front {
        for index in self.mounts.indices where path.begins(with: self.mounts[index].prefix) {
            return self.mounts[index].front
        }
        return self.fallback
    }

    /// Whether a policy or the list of administrators names the client with this credential.
    func knows(_ credential: PeerCredential) -> Bool { self.fallback.knows(credential) }

    /// The answer to bytes that break the rules of HTTP, arrive too slowly, or are one too many.
    func refusal(_ status: ResponseStatus, _ message: String) -> Response { self.fallback.refusal(status, message) }
}

/// A request that has one answer, whatever its body: the path leads nowhere, or elsewhere.
final class RefusedRequest: RoutedRequest {
    private let response: Response

    init(_ response: Response) { self.response = response }

    var requestSubject: RequestSubject { .unknown }
    var refusal: Response? { self.response }
    var bodyByteCountMax: Int { 0 }
    var timeout: Interval { .seconds(10) }
    var bodyTooLarge: Response { self.response }
    var timedOut: Response { self.response }

    func answer(
        body: Span<UInt8>, bodyLengthWasAnnounced: Bool, with writer: inout ResponseWriter
    ) -> DeferredAnswer? {
        writer.write(self.response)
        return nil
    }
}

extension Span<UInt8> {
    fileprivate func begins(with prefix: [UInt8]) -> Bool {
        guard self.count >= prefix.count else { return false }
        for index in prefix.indices where self[index] != prefix[index] { return false }
        return true
    }
}
