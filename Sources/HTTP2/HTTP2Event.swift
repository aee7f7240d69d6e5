// SPDX-License-Identifier: Apache-2.0

import Primitives

/// Names a stream of a connection.
package struct HTTP2StreamID: Hashable, Sendable {
    let slot: SlotMap<HTTP2Stream>.ID

    init(_ slot: SlotMap<HTTP2Stream>.ID) { self.slot = slot }

    /// A small number that no other stream of the connection has at the same time.
    package var place: Int { Int(UInt32(truncatingIfNeeded: self.slot.rawValue)) }

    /// For callers that can pass on nothing but a number.
    package var number: Int { Int(truncatingIfNeeded: self.slot.rawValue) }

    package init(number: Int) { self.init(.init(rawValue: UInt64(truncatingIfNeeded: number))) }
}

/// What has happened on a connection.
///
/// Events of one read wait in line, so the stream that an event names may be gone when its turn comes: a client can open,
/// overfill and reset a stream in one segment. Hence every call of ``HTTP2Session`` accepts the ID of a removed stream.
package enum HTTP2Event: Equatable, Sendable {
    /// A head is complete: ``HTTP2Session/takeHead(of:)``.
    case head(HTTP2StreamID)
    /// A request is complete.
    case end(HTTP2StreamID)
    /// A body has grown too long, or all bodies and answers together have. Nothing of it is kept.
    case bodyTooLong(HTTP2StreamID, isOwnFault: Bool)
    /// The stream is over: its answer has gone, or one of the two sides gave it up. The ID names nothing any more.
    case closed(HTTP2StreamID)
    /// The client has seen what ``HTTP2Session/announceEnd()`` told it.
    case pingAnswered
}
