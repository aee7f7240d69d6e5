// SPDX-License-Identifier: Apache-2.0

package import HTTPWire
package import NIOCore

/// What speaks a key server's protocol over the server's connections: it decodes requests into key operations, asks a
/// key service, and encodes what comes back.
///
/// Called on event loops, so nothing here waits. This is where the two speeds part, for all fronts and listeners alike:
/// ``answer(_:body:bodyLengthWasAnnounced:with:)`` writes an answer that is at hand before it returns, or returns the
/// work that needs waiting.
package protocol Front: Sendable {
    /// What is known of a request once its head has been read: the operation and what it is about.
    associatedtype Route: Sendable

    /// Decides by the head alone.
    func route(_ head: RequestHead) -> Routing<Route>

    /// Answers a complete request, or says how to.
    ///
    /// - Parameters:
    ///   - body: the whole body without its chunks. Wiped when this returns.
    ///   - bodyLengthWasAnnounced: false for a chunked body: an empty one is then not the same as none.
    ///   - writer: takes the answer, exactly one, unless work is returned.
    func answer(
        _ route: Route, body: Span<UInt8>, bodyLengthWasAnnounced: Bool, with writer: inout ResponseWriter
    ) -> DeferredAnswer?

    /// What to say to a body of more than ``Routing/accepted(_:bodyByteCountMax:timeout:)`` allows.
    func bodyTooLarge(_ route: Route) -> Response

    /// What to say when the deferred answer did not come in time.
    func timedOut(_ route: Route) -> Response

    /// What to say to a request that breaks the rules of HTTP, or arrives too slowly.
    func malformed(status: ResponseStatus, message: String) -> Response

    /// Counts an answer. `route` is nil where the request got none.
    func answered(_ route: Route?, status: ResponseStatus, duration: TimeAmount)
}

/// What becomes of a request by its head alone.
package enum Routing<Route: Sendable>: Sendable {
    /// Read the body, at most so many bytes of it, then ask for the answer. Both within `timeout`.
    case accepted(Route, bodyByteCountMax: Int, timeout: TimeAmount)
    /// Whatever the body is, this is the answer.
    case refused(Response, Route?)
}

/// An answer that needs waiting. Writes exactly one response.
package typealias DeferredAnswer = @Sendable (inout ResponseWriter) async -> Void
