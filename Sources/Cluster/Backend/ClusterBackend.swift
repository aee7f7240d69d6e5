// SPDX-License-Identifier: Apache-2.0

package import CurlTransport
package import KeyService
package import LockedMemory

/// What a cluster has to know of its key servers' protocol: how an operation is asked for, how long its answer may be,
/// and what an answer says of the server that gave it.
///
/// What the body of a successful answer means is for the caller of ``ClusterClient`` to decode. All requirements are
/// called on the caller's thread, once for each attempt, and must not block.
package protocol ClusterBackend: Sendable {
    /// How `operation` on `name` is asked for.
    ///
    /// - Parameter name: a key's name or a listing's prefix; empty for operations without one.
    func call(_ operation: Operation, on name: String) -> BackendCall

    /// How much memory the answer to a request with a body of so many bytes may take.
    func answerBounds(of operation: Operation, bodyByteCount: Int) -> AnswerBounds

    /// Returns if an answer is a success, whose body is decoded then.
    ///
    /// - Throws: what another answer says; see ``AnswerFault`` for what follows.
    func check(status: Int, body: Span<UInt8>) throws(AnswerFault)

    /// The operation that probes an endpoint. It must be repeatable and change nothing.
    var probe: Operation { get }

    /// What a successful answer to ``probe`` says of the endpoint: nil if it is healthy.
    ///
    /// - Throws: `.unusable`
    func fault(inProbeAnswer body: Span<UInt8>) throws(AnswerFault) -> EndpointFault?
}

/// One operation as the key servers' protocol asks for it.
package struct BackendCall: Sendable {
    package let operation: Operation
    package let method: Transfer.Method
    /// Path and query, percent-encoded.
    package let path: String
    /// The value of Content-Type; nil if the protocol sends none.
    package let contentType: String?
    /// Whether asking twice is the same as asking once. If not, it is sent again only if nothing was sent.
    package let isRepeatable: Bool
    /// Whether the answer may hold a secret, and so must lie in locked memory.
    package let answersSecret: Bool

    package init(
        _ operation: Operation, _ method: Transfer.Method, _ path: String, contentType: String?, isRepeatable: Bool,
        answersSecret: Bool
    ) {
        self.operation = operation
        self.method = method
        self.path = path
        self.contentType = contentType
        self.isRepeatable = isRepeatable
        self.answersSecret = answersSecret
    }
}

/// Bytes of an answer's body.
package struct AnswerBounds: Equatable, Sendable {
    /// A longer one is refused.
    package let byteCountMax: Int
    /// Memory for so much is taken when the first byte comes.
    package let byteCountExpected: Int

    package init(byteCountMax: Int, byteCountExpected: Int) {
        self.byteCountMax = byteCountMax
        self.byteCountExpected = byteCountExpected
    }
}

extension Transfer {
    /// The request of a call to one endpoint.
    ///
    /// - Parameter address: `https://kes-1:7373`
    package init(
        _ call: borrowing BackendCall, to address: String, body: SharedSecret?, bounds: AnswerBounds,
        deadline: ContinuousClock.Instant, connectTimeout: Duration? = nil
    ) {
        self.init(
            call.method, address, call.path, body: body, contentType: call.contentType,
            answerByteCountMax: bounds.byteCountMax, answerByteCountExpected: bounds.byteCountExpected,
            answerIsSecret: call.answersSecret, deadline: deadline, connectTimeout: connectTimeout,
            isRepeatable: call.isRepeatable)
    }
}
