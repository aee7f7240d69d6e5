// SPDX-License-Identifier: Apache-2.0

package import HTTPWire
import NIOCore
import Spans

/// Writes the answer to one request behind those before it, into the buffer that goes to the channel.
///
/// The bytes of an answer that carries a key are written here once and nowhere else; whoever holds the buffer wipes it.
package struct ResponseWriter: Sendable {
    private(set) var buffer: ByteBuffer
    /// Of the answer that was written; 500 as long as there is none.
    private(set) var status = ResponseStatus.internalServerError
    /// Whether the client was told to expect an answer to its next request.
    let keepsAlive: Bool

    private let date: HTTPDate
    private let requestID: RequestID?
    private let omitsBody: Bool

    /// - Parameters:
    ///   - keepsAlive: false adds `Connection: close`.
    ///   - omitsBody: the answer is to a HEAD.
    init(buffer: ByteBuffer, date: HTTPDate, requestID: RequestID?, keepsAlive: Bool, omitsBody: Bool) {
        self.buffer = buffer
        self.date = date
        self.requestID = requestID
        self.keepsAlive = keepsAlive
        self.omitsBody = omitsBody
    }

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
    ///   - bodyByteCount: exactly what `body` appends.
    package mutating func write(
        _ status: ResponseStatus, contentType: String?, bodyByteCount: Int, fields: [ResponseHead.Field] = [],
        body: (inout OutputRawSpan) -> Void
    ) {
        self.status = status
        var head = ResponseHead(
            status, contentType: contentType, contentLength: bodyByteCount, closes: !self.keepsAlive, fields: fields)
        head.requestID = self.requestID
        self.buffer.writeWithOutputRawSpan(minimumWritableBytes: head.byteCountMax + bodyByteCount) { output in
            head.write(date: self.date, into: &output)
            if !self.omitsBody { body(&output) }
        }
    }
}
