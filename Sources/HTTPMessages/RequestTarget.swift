// SPDX-License-Identifier: Apache-2.0

import Primitives

/// A decoded request target, by the rules of Go's `ServeMux`, which routes KES's requests.
package enum RequestTarget: Equatable, Sendable {
    /// The path, percent-decoded once, without query and fragment. Begins with `/`. May contain any byte, including
    /// zero and escaped `..` segments, so names must be validated afterwards.
    case path([UInt8])
    /// The path has empty, `.` or `..` segments. The answer is a 301 to this location: the cleaned path, still
    /// percent-encoded, and the query, in printable ASCII.
    case redirect(to: [UInt8])
    /// `*`
    case asterisk
    /// The host and port of a CONNECT.
    case authority

    /// Decodes the target of a ``RequestHead``. A plain path is not copied.
    ///
    /// - Throws: `.malformedPercentEncoding`; `.headTooLarge` if the location of the redirect is longer than a head may
    ///   be.
    package init(_ target: [UInt8]) throws(RequestError) {
        if Self.isPlainPath(target.span) { self = .path(target) } else { self = try Self.takeApart(target) }
    }

    /// Whether a target is a path without escapes, query, fragment, and segments to clean. Nearly all are.
    private static func isPlainPath(_ target: Span<UInt8>) -> Bool {
        guard target.count > 0, target[0] == .slash else { return false }
        var isAfterSlash = false
        for index in target.indices {
            switch target[index] {
            case UInt8(ascii: "%"), UInt8(ascii: "?"), UInt8(ascii: "#"):
                return false
            case .slash:
                if isAfterSlash { return false }
                isAfterSlash = true
            case UInt8(ascii: "."):
                if isAfterSlash { return false }
            case _:
                isAfterSlash = false
            }
        }
        return true
    }

    private static func takeApart(_ target: [UInt8]) throws(RequestError) -> RequestTarget {
        let bytes = target.span
        guard bytes.count > 0, bytes[0] == .slash else {
            return bytes.isEqual(to: "*") ? .asterisk : .authority
        }
        var end = 0
        var isEncoded = false
        var hasOddSegment = false
        var isAfterSlash = false
        while end < bytes.count, bytes[end] != UInt8(ascii: "?"), bytes[end] != UInt8(ascii: "#") {
            let byte = bytes[end]
            if byte == UInt8(ascii: "%") { isEncoded = true }
            if isAfterSlash, byte == .slash || byte == UInt8(ascii: ".") { hasOddSegment = true }
            isAfterSlash = byte == .slash
            end += 1
        }
        let path = bytes.extracting(..<end)
        let decoded =
            if isEncoded { try Self.decode(path) } else if end < bytes.count { path.copy() } else { target }
        if hasOddSegment, let clean = Self.clean(path) {
            let location = Self.escape(clean) + Self.query(of: bytes.extracting(end...))
            // Escapes can make the location longer than the target of any head.
            guard location.count <= RequestParser.headByteCountMax else { throw .headTooLarge }
            return .redirect(to: location)
        }
        return .path(decoded)
    }

    private static func decode(_ path: Span<UInt8>) throws(RequestError) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(path.count)
        var index = 0
        while index < path.count {
            guard path[index] == UInt8(ascii: "%") else {
                decoded.append(path[index])
                index += 1
                continue
            }
            guard index + 2 < path.count,
                let high = path[index + 1].hexDigitValue, let low = path[index + 2].hexDigitValue
            else { throw .malformedPercentEncoding }
            decoded.append(high << 4 | low)
            index += 3
        }
        return decoded
    }

    /// The path without empty, `.` and `..` segments, its last slash kept; nil if it has none of them.
    private static func clean(_ path: Span<UInt8>) -> [UInt8]? {
        var clean: [UInt8] = []
        var start = 1
        for index in 1...path.count where index == path.count || path[index] == .slash {
            let segment = path.extracting(start..<index)
            start = index + 1
            if segment.isEqual(to: "..") {
                while let last = clean.popLast(), last != .slash {}
            } else if !segment.isEmpty, !segment.isEqual(to: ".") {
                clean.append(.slash)
                for index in segment.indices { clean.append(segment[index]) }
            }
        }
        if clean.isEmpty || path[path.count - 1] == .slash { clean.append(.slash) }
        return clean.count == path.count ? nil : clean
    }

    private static func query(of rest: Span<UInt8>) -> [UInt8] {
        guard rest.count > 0, rest[0] == UInt8(ascii: "?") else { return [] }
        var end = 0
        while end < rest.count, rest[end] != UInt8(ascii: "#") { end += 1 }
        return Self.escape(rest.extracting(..<end).copy())
    }

    /// Escapes a reference so that every client reads it as we do. Otherwise, a backslash in the right position could
    /// lead to another host.
    private static func escape(_ reference: [UInt8]) -> [UInt8] {
        func hexDigit(_ value: UInt8) -> UInt8 {
            value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
        }
        var escaped: [UInt8] = []
        escaped.reserveCapacity(reference.count)
        for byte in reference {
            if byte.isURICharacter {
                escaped.append(byte)
            } else {
                escaped += [UInt8(ascii: "%"), hexDigit(byte >> 4), hexDigit(byte & 15)]
            }
        }
        return escaped
    }
}
