// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import LockedMemory

/// One stream of a connection: a request, and its answer until it was sent.
struct HTTP2Stream: ~Copyable {
    /// The stream identifier: odd, and never reused on the connection.
    let number: Int32
    /// The received fields; nil after they were taken.
    var head: StreamHead? = StreamHead()
    /// Whether a body follows the head.
    var hasBody = true
    /// Whether more of the request is to come.
    var isReceiving = true
    /// The buffered part of the body.
    var body: TransitBuffer
    /// Received bytes of the body, buffered or not.
    var bodyByteCount = 0
    var keepsBody = true
    /// Whether the body exceeded its limit, which is reported once.
    var isTooLong = false
    /// Whether there is an answer, sent or not.
    var hasAnswer = false
    /// Whether the whole answer was sent.
    var isAnswered = false
    /// The unsent part of the answer's body.
    var answer: TransitBuffer

    init(number: Int32, memory: SecretMemory) {
        self.number = number
        self.body = TransitBuffer(in: memory)
        self.answer = TransitBuffer(in: memory)
    }

    /// Bytes that this stream makes the connection buffer.
    var heldByteCount: Int { self.body.byteCount + self.answer.byteCount }

    /// What to do after a part of a body.
    enum Outcome {
        /// Nothing: it was buffered or discarded.
        case taken
        /// Refuse the request. Returned once.
        case tooLong(isOwnFault: Bool)
        /// Reset the stream (RFC 9113 §8.1): it is answered, and the client has sent another full body's length since.
        case unwanted
    }

    /// Processes a part of the body.
    ///
    /// - Parameter room: bytes that the connection may still buffer.
    mutating func receive(_ bytes: Span<UInt8>, with limits: HTTP2Limits, room: Int) -> Outcome {
        self.bodyByteCount += bytes.count
        if self.isAnswered { return self.bodyByteCount > 2 * limits.bodyByteCount ? .unwanted : .taken }
        guard !self.isTooLong else { return .taken }
        let isOwnFault = self.bodyByteCount > limits.bodyByteCount
        guard !isOwnFault, !self.keepsBody || bytes.count <= room, !self.keepsBody || self.body.append(bytes) else {
            self.dropBody()
            self.isTooLong = true
            return .tooLong(isOwnFault: isOwnFault)
        }
        return .taken
    }

    /// Wipes the received part of the body and discards the rest.
    mutating func dropBody() {
        self.keepsBody = false
        self.body.removeAll()
    }
}
