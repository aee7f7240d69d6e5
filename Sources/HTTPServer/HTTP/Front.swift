// SPDX-License-Identifier: Apache-2.0

package import HTTPMessages
package import KeyService
package import Linux
package import TLS

/// One API over the server's connections. It decodes requests into operations, asks a key service, and encodes answers.
///
/// Called on event loops, so nothing here waits. Has no associated type, so that nothing in the server need be generic.
package protocol Front: Sendable {
    /// What the decoded paths of its requests begin with. Where prefixes of several fronts fit, the longest counts.
    var pathPrefixes: [String] { get }

    /// Decides by method and path what the request is, and whether `peer` may ask for it.
    ///
    /// - Parameter path: percent-decoded, without query. It may hold any byte.
    /// - Returns: nil if the path leads nowhere.
    func route(_ method: RequestMethod, _ path: [UInt8], from peer: Peer) -> (any RoutedRequest)?
}

/// The front that also answers what is no front's.
package protocol DefaultFront: Front {
    /// Whether a policy or the list of administrators names the client with this credential.
    func knows(_ credential: PeerCredential) -> Bool

    /// The answer to a path that leads nowhere.
    var pathNotFound: Response { get }

    /// The answer to bytes that break the rules of HTTP, or arrive too slowly.
    func refusal(_ status: ResponseStatus, _ message: String) -> Response
}

/// A request whose head has been read and understood.
///
/// This is where the two speeds part, for all fronts and listeners alike:
/// ``answer(body:bodyLengthWasAnnounced:with:)`` writes an answer that is at hand before it returns, or returns the work
/// that needs waiting.
package protocol RoutedRequest: AnyObject, Sendable {
    /// What the request is about, for its ``RequestRecord``.
    var requestSubject: RequestSubject { get }

    /// The key that the request names; nil where it names none.
    var keyName: KeyName? { get }

    /// Whether ``again(from:)`` may be asked. If so, the request must have no memory of having been answered.
    var mayRecur: Bool { get }

    /// The request that the same head stands for when the same peer sends it once more. Of what ``Front/route(_:_:from:)``
    /// has looked at, only rights are asked for anew.
    func again(from peer: Peer) -> any RoutedRequest

    /// The answer, where the head decides it already. The body is then read only to get at the next request.
    var refusal: Response? { get }

    /// The longest body. At 0 a body is of no meaning and is passed over.
    var bodyByteCountMax: Int { get }

    /// For body and answer together, from the end of the head.
    var timeout: Interval { get }

    /// Answers the complete request, or says how to.
    ///
    /// - Parameters:
    ///   - body: the whole body without its chunks. Wiped when this returns.
    ///   - bodyLengthWasAnnounced: false for a chunked body, and for one of HTTP/2 whose end came apart from the head and
    ///     without a length before it: an empty one is then not the same as none.
    ///   - writer: takes the answer, exactly one, unless work is returned.
    func answer(
        body: Span<UInt8>, bodyLengthWasAnnounced: Bool, with writer: inout ResponseWriter
    ) -> DeferredAnswer?

    /// What to say to a body of more than ``bodyByteCountMax``.
    var bodyTooLarge: Response { get }

    /// What to say when the deferred answer did not come in time.
    var timedOut: Response { get }
}

/// The requests that are routed one by one.
extension RoutedRequest {
    package var keyName: KeyName? { nil }
    package var mayRecur: Bool { false }
    package func again(from peer: Peer) -> any RoutedRequest { self }
}

/// An answer that needs waiting. Writes exactly one response.
package typealias DeferredAnswer = @Sendable (inout ResponseWriter) async -> Void
