// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import LockedMemory

/// One stream of a connection: a request that comes in, and its answer until it has gone.
struct HTTP2Stream: ~Copyable {
    /// As the frames have it: odd, and never used again on the connection.
    let number: Int32
    /// The fields that have come; nil once they were taken.
    var head: StreamHead? = StreamHead()
    /// Whether the request ended with its head.
    var hasBody = true
    /// Whether more of the request is to come.
    var isReceiving = true
    /// What is kept of the body.
    var body: TransitBuffer
    /// What has come of the body, kept or not.
    var bodyByteCount = 0
    var keepsBody = true
    /// Whether the body has grown too long, and that was told.
    var isTooLong = false
    /// Whether there is an answer, sent or not.
    var hasAnswer = false
    /// Whether the whole answer has gone.
    var isAnswered = false
    /// What of the answer's body has not gone.
    var answer: TransitBuffer

    init(number: Int32, memory: SecretMemory) {
        self.number = number
        self.body = TransitBuffer(in: memory)
        self.answer = TransitBuffer(in: memory)
    }

    /// Bytes of bodies that it makes the connection hold.
    var heldByteCount: Int { self.body.byteCount + self.answer.byteCount }

    /// What to do about a part of a body.
    enum Outcome {
        /// Nothing: it is kept, or dropped as the rest of the body.
        case taken
        /// Refuse the request; told once.
        case tooLong(isOwnFault: Bool)
        /// Reset the stream, RFC 9113 §8.1: it is answered, and the client goes on sending for as long again as the longest
        /// body.
        case unwanted
    }

    /// Takes a part of the body.
    ///
    /// - Parameter room: how much more the connection may hold.
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

    /// Wipes what has come of the body, and keeps nothing of what is still to come.
    mutating func dropBody() {
        self.keepsBody = false
        self.body.removeAll()
    }
}
