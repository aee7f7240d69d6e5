// SPDX-License-Identifier: Apache-2.0

import Spans

/// What a request is called in logs and in the `X-Request-Id` of its answer: visible ASCII, kept in parts until it is
/// written, since most are written once.
package enum RequestID: Equatable, Sendable {
    /// The client's own name for it, 1 to 64 characters: ``RequestHead/requestID``.
    case offered([UInt8])
    /// One that no other request has: `prefix` and a number.
    case numbered(prefix: [UInt8], Int)

    /// Bytes that it takes at most.
    var byteCountMax: Int {
        switch self {
        case .offered(let bytes): bytes.count
        case .numbered(let prefix, _): prefix.count + OutputRawSpan.decimalDigitCountMax
        }
    }
}

extension RequestID: CustomStringConvertible {
    package var description: String {
        switch self {
        case .offered(let bytes): String(decoding: bytes, as: UTF8.self)
        case .numbered(let prefix, let number): String(decoding: prefix, as: UTF8.self) + String(number)
        }
    }
}

extension OutputRawSpan {
    mutating func append(_ id: RequestID) {
        switch id {
        case .offered(let bytes):
            self.append(bytes.span)
        case .numbered(let prefix, let number):
            self.append(prefix.span)
            self.append(decimal: number)
        }
    }

    /// Appends the digits of a number that is not negative.
    mutating func append(decimal number: Int) {
        var power = 1
        while number / power >= 10 { power *= 10 }
        while power > 0 {
            self.append(UInt8(ascii: "0") + UInt8(number / power % 10))
            power /= 10
        }
    }

    static var decimalDigitCountMax: Int { 19 }
}
