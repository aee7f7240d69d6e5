// SPDX-License-Identifier: Apache-2.0

/// A frame of HTTP/2, RFC 9113 section 4, well-formed or not.
package struct HTTP2Frame: Equatable, Sendable {
    package var type: UInt8
    package var flags: UInt8
    package var stream: Int32
    package var payload: [UInt8]

    package init(type: UInt8, flags: UInt8 = 0, stream: Int32 = 0, payload: [UInt8] = []) {
        self.type = type
        self.flags = flags
        self.stream = stream
        self.payload = payload
    }

    /// What a client begins with.
    package static let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    package var bytes: [UInt8] {
        let count = self.payload.count
        let head: [UInt8] = [
            UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), self.type, self.flags,
        ]
        return head + Self.word(UInt32(self.stream)) + self.payload
    }

    package static func settings(_ pairs: [(UInt16, UInt32)] = []) -> HTTP2Frame {
        var payload: [UInt8] = []
        for (name, value) in pairs { payload += [UInt8(name >> 8), UInt8(name & 255)] + Self.word(value) }
        return HTTP2Frame(type: 4, payload: payload)
    }

    private static func word(_ number: UInt32) -> [UInt8] {
        [UInt8(number >> 24), UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
    }

    package static func data(_ stream: Int32, _ text: String, ends: Bool = true) -> HTTP2Frame {
        HTTP2Frame(type: 0, flags: ends ? 1 : 0, stream: stream, payload: Array(text.utf8))
    }

    package static func reset(_ stream: Int32) -> HTTP2Frame {
        HTTP2Frame(type: 3, stream: stream, payload: [0, 0, 0, 8])
    }
    package static func ping(isAnswer: Bool = false) -> HTTP2Frame {
        HTTP2Frame(type: 6, flags: isAnswer ? 1 : 0, payload: [UInt8](repeating: 7, count: 8))
    }

    package static func window(_ stream: Int32, _ count: UInt32) -> HTTP2Frame {
        HTTP2Frame(type: 8, stream: stream, payload: Self.word(count))
    }

    /// Fields that are neither compressed nor remembered.
    package static func head(_ stream: Int32, _ fields: [(String, String)], ends: Bool = true) -> HTTP2Frame {
        HTTP2Frame(type: 1, flags: ends ? 5 : 4, stream: stream, payload: Self.block(fields))
    }

    /// The same in as many frames as a head of that length needs.
    package static func wholeHead(_ stream: Int32, _ fields: [(String, String)], ends: Bool = true) -> [HTTP2Frame] {
        let block = Self.block(fields)
        return stride(from: 0, to: block.count, by: Self.payloadByteCountMax)
            .map { start in
                let end = min(block.count, start + Self.payloadByteCountMax)
                let flags: UInt8 = (start == 0 && ends ? 1 : 0) | (end == block.count ? 4 : 0)
                return HTTP2Frame(
                    type: start == 0 ? 1 : 9, flags: flags, stream: stream, payload: Array(block[start..<end]))
            }
    }

    private static let payloadByteCountMax = 16_384

    package static func block(_ fields: [(String, String)]) -> [UInt8] {
        var block: [UInt8] = []
        for (name, value) in fields {
            block.append(0)
            for text in [name, value] { block += Self.length(text.utf8.count) + Array(text.utf8) }
        }
        return block
    }

    private static func length(_ count: Int) -> [UInt8] {
        guard count >= 127 else { return [UInt8(count)] }
        var rest = count - 127
        var bytes: [UInt8] = [127]
        while rest >= 128 {
            bytes.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    package static func request(
        _ stream: Int32, _ method: String = "GET", _ path: String, _ more: [(String, String)] = [],
        ends: Bool = true
    ) -> HTTP2Frame {
        .head(stream, Self.requestFields(method, path) + more, ends: ends)
    }

    package static func requestFields(_ method: String, _ path: String) -> [(String, String)] {
        [(":method", method), (":scheme", "http"), (":authority", "x"), (":path", path)]
    }
}
