// SPDX-License-Identifier: Apache-2.0

package import HTTPMessages
package import KeyService
import Linux
import LockedMemory
import Primitives

/// Writes answers, one behind the other, into the buffer that they are sent from.
///
/// The bytes of an answer that carries a key are written here once and nowhere else; the buffer wipes them when they are
/// sent. Where heads are sent in another form than HTTP/1.1's, the buffer has bodies alone, and ``head`` is for whoever
/// sends them.
package struct ResponseWriter: ~Copyable, Sendable {
    /// Where there was no memory for all of the answers, ``TransitBuffer/isTruncated``: nothing can be said any more then.
    var buffer: TransitBuffer
    /// Of the answer that was written last; 500 as long as there is none to the request.
    private(set) var outcome = AnswerOutcome(status: .internalServerError, origin: .bypass)
    /// To be set by a front that knows it, in any order with the writing of the answer.
    package var upstream: UpstreamShare? {
        get { self.outcome.upstream }
        set { self.outcome.upstream = newValue }
    }

    /// Of the answer that was written last, if its frame has the head apart.
    private(set) var head: ResponseHead?

    private(set) var frame = Frame(requestID: nil, keepsAlive: true, omitsBody: false)
    /// For whoever writes the next answers.
    private(set) var openings: ResponseHeadCache

    /// What an answer has around its content.
    struct Frame: Sendable {
        let requestID: RequestID?
        /// False adds `HTTP1Connection: close`. If true, the client was told to expect an answer to its next request.
        let keepsAlive: Bool
        /// The answer is to a HEAD.
        let omitsBody: Bool
        /// Whether the head is left in ``ResponseWriter/head``, not written before the body.
        var headIsApart = false
    }

    /// - Parameters:
    ///   - capacity: of the buffer at first; it grows with what is written.
    ///   - openings: of a writer of answers like those that are to come.
    init(capacity: Int = 0, openings: ResponseHeadCache = ResponseHeadCache(), in memory: SecretMemory) {
        self.buffer = TransitBuffer(capacity: capacity, in: memory)
        self.openings = openings
    }

    /// Says what frame the next answer is to have.
    mutating func begin(_ frame: Frame) {
        self.frame = frame
        self.outcome = AnswerOutcome(status: .internalServerError, origin: .bypass)
        if self.frame.headIsApart { self.head = nil }
    }

    /// Asks the client for the body that it waits to send.
    mutating func writeContinue() {
        let text = ResponseHead.continue.description
        self.buffer.withRoom(for: text.utf8.count) { $0.append(text) }
    }

    /// Takes over what another writer has written.
    mutating func append(_ other: borrowing ResponseWriter) {
        self.buffer.append(other.buffer)
    }

    /// Takes out what was written: of an answer whose head is apart, the body.
    mutating func takeBytes() -> TransitBuffer { self.buffer.take() }

    /// Writes an answer that is made already.
    package mutating func write(_ response: Response) {
        self.write(
            response.status, contentType: response.contentType, bodyByteCount: response.body.count,
            fields: response.fields
        ) { output in
            output.append(response.body.span)
        }
    }

    /// Writes an answer whose body is made in its place.
    ///
    /// - Parameters:
    ///   - origin: where it comes from, for answers that a cache could give.
    ///   - bodyByteCount: exactly what `body` appends.
    package mutating func write(
        _ status: ResponseStatus, contentType: String?, from origin: AnswerOrigin? = nil, bodyByteCount: Int,
        fields: [ResponseHead.Field] = [], body: (inout OutputRawSpan) -> Void
    ) {
        self.outcome = AnswerOutcome(status: status, origin: origin ?? .bypass, upstream: self.outcome.upstream)
        let omitsBody = self.frame.omitsBody
        guard !self.frame.headIsApart else {
            self.head = ResponseHead(
                status, contentType: contentType, contentLength: bodyByteCount, fields: fields, age: origin?.age,
                constantField: origin?.field, requestID: self.frame.requestID)
            if !omitsBody { self.buffer.withRoom(for: bodyByteCount, body) }
            return
        }
        let opening = self.openings.opening(
            status, contentType: contentType, contentLength: bodyByteCount, fields: fields, from: origin,
            at: WallClock.currentSecond())
        let end = ResponseHead.End(
            age: origin?.age, requestID: self.frame.requestID, closes: !self.frame.keepsAlive)
        self.buffer.withRoom(for: opening.count + end.byteCountMax + bodyByteCount) { output in
            output.append(opening.span)
            end.write(into: &output)
            if !omitsBody { body(&output) }
        }
    }
}
