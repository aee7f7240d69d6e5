// SPDX-License-Identifier: Apache-2.0

import Primitives

/// The identity of a stream within its connection. IDs of closed streams are never reused.
package struct HTTP2StreamID: Hashable, Sendable {
    let slot: SlotMap<HTTP2Stream>.ID

    init(_ slot: SlotMap<HTTP2Stream>.ID) { self.slot = slot }

    /// A small number, unique among the connection's open streams.
    package var place: Int { Int(UInt32(truncatingIfNeeded: self.slot.rawValue)) }

    /// For callers that can only pass a number.
    package var number: Int { Int(truncatingIfNeeded: self.slot.rawValue) }

    /// Inverse of ``number``.
    package init(number: Int) { self.init(.init(rawValue: UInt64(truncatingIfNeeded: number))) }
}

/// An event of a connection.
///
/// The events of one read are queued, so the stream of an event may already be gone: a client can open, overfill and
/// reset a stream in one segment. Hence every function of ``HTTP2Session`` accepts the ID of a closed stream.
package enum HTTP2Event: Equatable, Sendable {
    /// A head is complete; see ``HTTP2Session/takeHead(of:)``.
    case head(HTTP2StreamID)
    /// A request is complete.
    case end(HTTP2StreamID)
    /// A body exceeds its limit, or all bodies and answers together do (`isOwnFault` false). It is discarded.
    case bodyTooLong(HTTP2StreamID, isOwnFault: Bool)
    /// The stream is closed: its answer was sent, or one of the two sides reset it. The ID is invalid from now on.
    case closed(HTTP2StreamID)
    /// The client has seen the announcement of ``HTTP2Session/announceEnd()``.
    case pingAnswered
}
