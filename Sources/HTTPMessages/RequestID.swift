// SPDX-License-Identifier: Apache-2.0

import Primitives

/// The identifier of a request in logs and in the `X-Request-Id` of its answer. Visible ASCII, kept in parts until it
/// is written, because most are written once.
package enum RequestID: Equatable, Sendable {
    /// The client's own identifier, 1 to 64 characters: ``RequestHead/requestID``.
    case offered([UInt8])
    /// A unique identifier: `<process, 16 hexadecimal digits>-<connection>-<request>`.
    case numbered(process: UInt64, connection: Int, request: Int)

    /// Maximum length in bytes.
    var byteCountMax: Int {
        switch self {
        case .offered(let bytes): bytes.count
        case .numbered: OutputRawSpan.hexDigitCount + 2 * (1 + OutputRawSpan.decimalDigitCountMax)
        }
    }
}

extension RequestID: CustomStringConvertible {
    package var description: String {
        switch self {
        case .offered(let bytes):
            return String(decoding: bytes, as: UTF8.self)
        case .numbered(let process, let connection, let request):
            let digits = String(process, radix: 16)
            let zeroes = String(repeating: "0", count: OutputRawSpan.hexDigitCount - digits.utf8.count)
            return "\(zeroes)\(digits)-\(connection)-\(request)"
        }
    }
}

extension OutputRawSpan {
    mutating func append(_ id: RequestID) {
        switch id {
        case .offered(let bytes):
            self.append(bytes.span)
        case .numbered(let process, let connection, let request):
            self.append(hex: process)
            self.append(UInt8(ascii: "-"))
            self.append(decimal: connection)
            self.append(UInt8(ascii: "-"))
            self.append(decimal: request)
        }
    }

    /// Appends a decimal number. A negative one counts as 0: ages come from clocks, which may go back.
    package mutating func append(decimal number: Int) {
        var rest = UInt(clamping: number)
        var digits: UInt64 = 0  // At most eight, the first one in the lowest byte.
        var count = 0
        repeat {
            digits = digits << 8 | UInt64(UInt8(ascii: "0")) + UInt64(rest % 10)
            rest /= 10
            count += 1
        } while rest > 0 && count < 8
        if rest > 0 { self.append(decimal: Int(rest)) }
        self.append(digits, byteCount: count)
    }

    /// Appends 16 hexadecimal digits, leading zeros included.
    mutating func append(hex number: UInt64) {
        self.append(hexDigitsOf: UInt32(truncatingIfNeeded: number >> 32))
        self.append(hexDigitsOf: UInt32(truncatingIfNeeded: number))
    }

    /// All eight digits at once: expands each half byte to a byte, then maps values to characters.
    private mutating func append(hexDigitsOf number: UInt32) {
        var digits = UInt64(number)
        digits = (digits << 16 | digits) & 0x0000_ffff_0000_ffff
        digits = (digits << 8 | digits) & 0x00ff_00ff_00ff_00ff
        digits = (digits << 4 | digits) & 0x0f0f_0f0f_0f0f_0f0f
        let isLetter = (digits &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        digits &+= 0x3030_3030_3030_3030 &+ isLetter &* (UInt64(UInt8(ascii: "a")) - 0x30 - 10)
        self.append(SIMD8(bytesOf: digits.byteSwapped))
    }

    static var decimalDigitCountMax: Int { 19 }
    static var hexDigitCount: Int { 16 }
}
