// SPDX-License-Identifier: Apache-2.0

import KESProtocol
package import KeyService

/// What goes wrong with an answer.
package enum Fault: Sendable, Equatable {
    /// It comes late.
    case delay(Duration)
    /// It is kept until ``FakeKES/release()``.
    case hold
    /// The connection is reset (TCP RST).
    case reset(Moment)
    /// Half of the body is missing: then the end, in good order.
    case truncated
    /// Bytes that are no HTTP of either version.
    case garbage
    /// One byte at a time.
    case drip(every: Duration)
    /// Another status with a text in KES's form. 503 and 429 come with `Retry-After: 1`.
    case status(Int, message: String)
    /// Another body under the right status.
    case body(String)
    /// The right answer under a wrong name.
    case contentType(String)
    /// The right answer without this member.
    case missing(member: String)
    /// The right answer with so many bytes more in it, which still is JSON.
    case larger(byByteCount: Int)
    /// The last answer on its connection. HTTP/2 says so with GOAWAY, HTTP/1.1 with `Connection: close`.
    case goAway
    /// No answer: HTTP/2 resets the stream with REFUSED_STREAM, HTTP/1.1 closes in good order.
    case refused

    package enum Moment: String, Sendable, CaseIterable {
        /// Instead of the answer.
        case before
        /// When half of the answer is sent.
        case inside = "in"
        /// When all of it is sent, and most likely read.
        case after
    }
}

/// A fault and the requests that it meets.
package struct FaultRule: Sendable, Equatable {
    package var fault: Fault
    /// Nil: every one.
    package var endpoints: Set<Operation>?
    /// It meets each so-manieth of these requests, first the first.
    package var every: Int
    /// It ends after so many times; nil: when it is taken back.
    package var times: Int?

    package init(_ fault: Fault, on endpoints: Set<Operation>? = nil, every: Int = 1, times: Int? = nil) {
        precondition(every > 0, "a fault meets each request, or every second, …")
        self.fault = fault
        self.endpoints = endpoints
        self.every = every
        self.times = times
    }
}
