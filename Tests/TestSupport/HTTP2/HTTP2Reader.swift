// SPDX-License-Identifier: Apache-2.0

import CNghttp2

/// What a client is sent by HTTP/2, frame by frame, as bytes: it knows no socket. Only what heads are made of is read by
/// somebody who knows how, nghttp2's decoder.
@safe package final class HTTP2Reader {
    /// What has come of an answer.
    package struct Answer: Equatable, Sendable {
        package internal(set) var fields: [HTTPAnswer.Field] = []
        package internal(set) var body: [UInt8] = []
        /// Why the stream was reset; nil if it was not.
        package internal(set) var resetCode: UInt8?
        package internal(set) var isWhole = false

        package init() {}

        /// The value of a field that stands once.
        package subscript(name: String) -> String? {
            let values = self.fields.filter { $0.name == name }
            return values.count == 1 ? values[0].value : nil
        }

        package var status: Int { Int(self[":status"] ?? "") ?? 0 }
        package var text: String { String(decoding: self.body, as: UTF8.self) }
        /// Whether nothing more comes of it.
        package var isOver: Bool { self.isWhole || self.resetCode != nil }
    }

    private let inflater: OpaquePointer
    private var unread: [UInt8] = []
    /// What has come of a head in several frames.
    private var headBlock: [UInt8] = []
    /// Whether the last frame, or the head that it is part of, ends its stream.
    private var headEndsStream = false
    private var position = 0
    /// By stream.
    package private(set) var answers: [Int32: Answer] = [:]
    /// The last stream of each GOAWAY, with its code.
    package private(set) var goAways: [(last: Int32, code: UInt8)] = []
    package private(set) var pings: [HTTP2Frame] = []
    package private(set) var settings: [UInt16: UInt32] = [:]

    package init() {
        var inflater: OpaquePointer?
        let code = unsafe nghttp2_hd_inflate_new(&inflater)
        guard code == 0, let inflater = unsafe inflater else { preconditionFailure("no memory for nghttp2") }
        unsafe self.inflater = inflater
    }

    deinit { unsafe nghttp2_hd_inflate_del(self.inflater) }

    /// Bytes from the server.
    package func receive(_ bytes: [UInt8]) {
        self.unread.removeFirst(self.position)
        self.position = 0
        self.unread += bytes
    }

    /// The next whole frame, which is then part of what has come.
    package func takeFrame() -> HTTP2Frame? {
        let rest = self.unread[self.position...]
        guard rest.count >= 9 else { return nil }
        let head = Array(rest.prefix(9))
        let count = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
        guard rest.count >= 9 + count else { return nil }
        self.position += 9 + count
        let frame = HTTP2Frame(
            type: head[3], flags: head[4], stream: Int32(Self.word(head[5..<9])),
            payload: Array(rest.dropFirst(9).prefix(count)))
        self.take(frame)
        return frame
    }

    /// Forgets an answer, so that a long connection does not grow.
    package func takeAnswer(_ stream: Int32) -> Answer { self.answers.removeValue(forKey: stream) ?? Answer() }

    private func take(_ frame: HTTP2Frame) {
        switch frame.type {
        case 0:
            self.answers[frame.stream, default: Answer()].body += frame.payload
        case 1 where frame.flags & 4 == 0, 9 where frame.flags & 4 == 0:
            self.headBlock += frame.payload
        case 1, 9:
            // What came before was interim.
            self.answers[frame.stream, default: Answer()].fields = self.inflate(self.headBlock + frame.payload)
            self.headBlock = []
        case 3:
            self.answers[frame.stream, default: Answer()].resetCode = frame.payload[3]
        case 4 where frame.flags & 1 == 0:
            for start in stride(from: 0, to: frame.payload.count, by: 6) {
                let name = UInt16(frame.payload[start]) << 8 | UInt16(frame.payload[start + 1])
                self.settings[name] = Self.word(frame.payload[start + 2..<start + 6])
            }
        case 6:
            self.pings.append(frame)
        case 7:
            self.goAways.append((Int32(Self.word(frame.payload[0..<4])), frame.payload[7]))
        case _:
            break
        }
        if frame.type <= 1, frame.flags & 1 != 0 { self.headEndsStream = true }
        // A head can end the stream and still have to come to its own end.
        guard self.headEndsStream, self.headBlock.isEmpty else { return }
        self.headEndsStream = false
        self.answers[frame.stream]?.isWhole = true
    }

    static func word(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

    private func inflate(_ block: [UInt8]) -> [HTTPAnswer.Field] {
        var fields: [HTTPAnswer.Field] = []
        var rest = block[...]
        while !rest.isEmpty {
            var pair = unsafe nghttp2_nv()
            var flags: CInt = 0
            let used = unsafe Array(rest)
                .withUnsafeBufferPointer {
                    unsafe nghttp2_hd_inflate_hd2(self.inflater, &pair, &flags, $0.baseAddress, $0.count, 1)
                }
            guard used >= 0 else { return [HTTPAnswer.Field(name: "broken", value: "\(used)")] }
            rest = rest.dropFirst(used)
            if UInt32(flags) & NGHTTP2_HD_INFLATE_EMIT.rawValue != 0 {
                let name = unsafe String(
                    decoding: UnsafeBufferPointer(start: pair.name, count: pair.namelen), as: UTF8.self)
                let value = unsafe String(
                    decoding: UnsafeBufferPointer(start: pair.value, count: pair.valuelen), as: UTF8.self)
                fields.append(HTTPAnswer.Field(name: name, value: value))
            }
            if UInt32(flags) & NGHTTP2_HD_INFLATE_FINAL.rawValue != 0 {
                unsafe nghttp2_hd_inflate_end_headers(self.inflater)
                break
            }
        }
        return fields
    }
}
