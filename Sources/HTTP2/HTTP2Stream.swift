// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import LockedMemory

/// One stream of a connection: a request that comes in, and its answer until it has gone.
struct HTTP2Stream: ~Copyable {
    /// As the frames have it: odd, and never used again on the connection.
    let number: Int32
    /// The fields that have come; of no use once the head is complete.
    var head = StreamHead()
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
    /// Whether the whole answer has gone.
    var isAnswered = false
    /// What of the answer's body has not gone.
    var answer: TransitBuffer

    init(number: Int32, memory: SecretMemory) {
        self.number = number
        self.body = TransitBuffer(in: memory)
        self.answer = TransitBuffer(in: memory)
    }

    /// Bytes that it makes the connection hold.
    var heldByteCount: Int { self.body.byteCount + self.answer.byteCount }
}
