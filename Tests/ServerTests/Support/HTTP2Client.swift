// SPDX-License-Identifier: Apache-2.0

import CNghttp2

/// A client of HTTP/2 that sends frame by frame whatever it is told to. Only what answers are made of is read by somebody
/// who knows how: nghttp2's decoder of heads.
final class HTTP2Client {
    struct Frame: Equatable {
        var type: UInt8
        var flags: UInt8 = 0
        var stream: Int32 = 0
        var payload: [UInt8] = []

        var bytes: [UInt8] {
            let count = self.payload.count
            let head: [UInt8] = [
                UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), self.type, self.flags,
            ]
            return head + Self.word(UInt32(self.stream)) + self.payload
        }

        static func settings(_ pairs: [(UInt16, UInt32)] = []) -> Frame {
            var payload: [UInt8] = []
            for (name, value) in pairs { payload += [UInt8(name >> 8), UInt8(name & 255)] + Self.word(value) }
            return Frame(type: 4, payload: payload)
        }

        private static func word(_ number: UInt32) -> [UInt8] {
            [UInt8(number >> 24), UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
        }

        static func data(_ stream: Int32, _ text: String, ends: Bool = true) -> Frame {
            Frame(type: 0, flags: ends ? 1 : 0, stream: stream, payload: Array(text.utf8))
        }

        static func reset(_ stream: Int32) -> Frame { Frame(type: 3, stream: stream, payload: [0, 0, 0, 8]) }
        static func ping(isAnswer: Bool = false) -> Frame {
            Frame(type: 6, flags: isAnswer ? 1 : 0, payload: [UInt8](repeating: 7, count: 8))
        }

        static func window(_ stream: Int32, _ count: UInt32) -> Frame {
            Frame(type: 8, stream: stream, payload: Self.word(count))
        }

        /// Fields that are neither compressed nor remembered.
        static func head(_ stream: Int32, _ fields: [(String, String)], ends: Bool = true) -> Frame {
            Frame(type: 1, flags: ends ? 5 : 4, stream: stream, payload: Self.block(fields))
        }

        static func block(_ fields: [(String, String)]) -> [UInt8] {
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

        static func request(
            _ stream: Int32, _ method: String = "GET", _ path: String, _ more: [(String, String)] = [],
            ends: Bool = true
        ) -> Frame {
            .head(
                stream,
                [(":method", method), (":scheme", "http"), (":authority", "x"), (":path", path)] + more, ends: ends)
        }
    }

    struct Answer: Equatable {
        var fields: [String: String] = [:]
        var body: [UInt8] = []
        /// Why the stream was reset; nil if it was not.
        var resetCode: UInt8?
        var isWhole = false

        var status: Int { Int(self.fields[":status"] ?? "") ?? 0 }
        var text: String { String(decoding: self.body, as: UTF8.self) }
    }

    static let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    let client: Client
    private var unread: [UInt8] = []
    private var inflater: OpaquePointer?
    /// What has come of answers, by stream.
    private(set) var answers: [Int32: Answer] = [:]
    /// The last stream of each GOAWAY, with its code.
    private(set) var goAways: [(last: Int32, code: UInt8)] = []
    private(set) var pings: [Frame] = []
    private(set) var settings: [UInt16: UInt32] = [:]
    private(set) var hasEnded = false

    init(_ client: Client, settings: [(UInt16, UInt32)] = []) async throws {
        self.client = client
        unsafe nghttp2_hd_inflate_new(&self.inflater)
        try await client.send(Array(Self.preface.utf8) + Frame.settings(settings).bytes)
    }

    deinit { unsafe nghttp2_hd_inflate_del(self.inflater) }

    func send(_ frames: Frame...) async throws { try await self.send(frames) }
    func send(_ frames: [Frame]) async throws { try await self.client.send(frames.flatMap(\.bytes)) }

    /// The whole answer on a stream, or what there is of it when it is reset or the connection ends.
    func receive(_ stream: Int32) async throws -> Answer {
        try await self.receive { $0.answers[stream].map { $0.isWhole || $0.resetCode != nil } == true }
        return self.answers[stream] ?? Answer()
    }

    /// Reads frames until `isEnough` or the end.
    func receive(until isEnough: (HTTP2Client) -> Bool) async throws {
        while !isEnough(self), !self.hasEnded {
            if let frame = self.nextFrame() {
                try await self.take(frame)
                continue
            }
            let bytes = try await self.client.receiveSome()
            if bytes.isEmpty { self.hasEnded = true }
            self.unread += bytes
        }
    }

    func receiveToEnd() async throws { try await self.receive { _ in false } }

    private func nextFrame() -> Frame? {
        guard self.unread.count >= 9 else { return nil }
        let count = Int(self.unread[0]) << 16 | Int(self.unread[1]) << 8 | Int(self.unread[2])
        guard self.unread.count >= 9 + count else { return nil }
        let stream = self.unread[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        defer { self.unread.removeFirst(9 + count) }
        return Frame(
            type: self.unread[3], flags: self.unread[4], stream: Int32(stream),
            payload: Array(self.unread[9..<9 + count]))
    }

    private func take(_ frame: Frame) async throws {
        switch frame.type {
        case 0:
            self.answers[frame.stream, default: Answer()].body += frame.payload
        case 1:
            // What came before was interim.
            self.answers[frame.stream, default: Answer()].fields = self.inflate(frame.payload)
        case 3:
            self.answers[frame.stream, default: Answer()].resetCode = frame.payload[3]
        case 4 where frame.flags & 1 == 0:
            for start in stride(from: 0, to: frame.payload.count, by: 6) {
                let bytes = frame.payload[start..<start + 6].map(UInt32.init)
                self.settings[UInt16(bytes[0] << 8 | bytes[1])] = bytes[2...].reduce(0) { $0 << 8 | $1 }
            }
        case 6:
            self.pings.append(frame)
        case 7:
            let last = frame.payload[0..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            self.goAways.append((Int32(last), frame.payload[7]))
        case _:
            break
        }
        if frame.type <= 1, frame.flags & 1 != 0 { self.answers[frame.stream]?.isWhole = true }
    }

    private func inflate(_ block: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        var rest = block[...]
        while !rest.isEmpty {
            var pair = unsafe nghttp2_nv()
            var flags: CInt = 0
            let used = unsafe Array(rest)
                .withUnsafeBufferPointer {
                    unsafe nghttp2_hd_inflate_hd2(self.inflater, &pair, &flags, $0.baseAddress, $0.count, 1)
                }
            guard used >= 0 else { return ["broken": "\(used)"] }
            rest = rest.dropFirst(used)
            if UInt32(flags) & NGHTTP2_HD_INFLATE_EMIT.rawValue != 0 {
                let name = unsafe String(
                    decoding: UnsafeBufferPointer(start: pair.name, count: pair.namelen), as: UTF8.self)
                fields[name] = unsafe String(
                    decoding: UnsafeBufferPointer(start: pair.value, count: pair.valuelen), as: UTF8.self)
            }
            if UInt32(flags) & NGHTTP2_HD_INFLATE_FINAL.rawValue != 0 {
                unsafe nghttp2_hd_inflate_end_headers(self.inflater)
                break
            }
        }
        return fields
    }
}
