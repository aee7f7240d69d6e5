// SPDX-License-Identifier: Apache-2.0

/// A client of HTTP/2 whose requests are streams of their own, and which waits for nothing but answers and room.
package final class HTTP2Connection: HTTPTestConnection {
    private let connection: RawConnection
    private let reader = HTTP2Reader()
    private let scheme: String
    private var nextStream: Int32 = 1
    /// Streams whose answers nobody has taken, oldest first.
    private var unanswered: [Int32] = []
    /// How much may be sent: RFC 9113, section 6.9.
    private var window = HTTP2Connection.firstWindow
    private var streamWindows: [Int32: Int] = [:]

    private static let firstWindow = 65_535
    private static let frameByteCountMax = 16_384
    private static let windowMax: UInt32 = 0x7fff_ffff
    private enum Setting {
        static let streamsMax: UInt16 = 3
        static let window: UInt16 = 4
    }

    /// - Parameter connection: on which nothing was sent.
    package init(on connection: RawConnection) throws(TestFailure) {
        self.connection = connection
        self.scheme = connection.isEncrypted ? "https" : "http"
        // Whoever reads answers as they come needs no room kept.
        let greeting = [
            HTTP2Frame.settings([(Setting.window, Self.windowMax)]),
            .window(0, Self.windowMax - UInt32(Self.firstWindow)),
        ]
        try connection.send(Array(HTTP2Frame.preface.utf8) + greeting.flatMap(\.bytes))
    }

    /// Whether the server has said that it takes no more requests, or none beyond those that it has.
    package var isLeaving: Bool { !self.reader.goAways.isEmpty }

    package func close() { self.connection.close() }

    // MARK: Requests

    package func send(_ requests: [HTTPRequest]) throws(TestFailure) {
        for request in requests { try self.sendOne(request) }
    }

    private func sendOne(_ request: HTTPRequest) throws(TestFailure) {
        switch request.body {
        case .none:
            try self.open(request, ends: true)
        case .fixed(let bytes):
            var request = request
            request.fields.append("Content-Length: \(bytes.count)")
            let stream = try self.open(request, ends: bytes.isEmpty)
            if !bytes.isEmpty { try self.send(bytes, on: stream, ends: true) }
        case .chunked(let chunks):
            let stream = try self.open(request, ends: false)
            for chunk in chunks { try self.send(chunk, on: stream, ends: false) }
            try self.sendEnd(of: stream)
        }
    }

    /// Begins a request, whose answer is then waited for like any.
    ///
    /// - Parameter ends: whether it has no body.
    /// - Returns: its stream.
    @discardableResult
    package func open(_ request: HTTPRequest, ends: Bool) throws(TestFailure) -> Int32 {
        try self.waitForRoom()
        let stream = self.nextStream
        self.nextStream += 2
        self.unanswered.append(stream)
        let pseudo = [
            (":method", request.method), (":scheme", self.scheme), (":authority", "localhost"),
            (":path", request.target),
        ]
        let fields = request.fields.map { line in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            return (parts[0].lowercased(), String(parts[1].drop { $0 == " " }))
        }
        try self.send(atOnce: HTTP2Frame.wholeHead(stream, pseudo + fields, ends: ends))
        return stream
    }

    /// Sends a part of a body, as far as the server wants it: one that has answered need not.
    package func send(_ bytes: [UInt8], on stream: Int32, ends: Bool) throws(TestFailure) {
        var rest = bytes[...]
        while !rest.isEmpty, self.reader.answers[stream]?.isOver != true {
            let room = min(self.window, self.streamWindow(stream), Self.frameByteCountMax, rest.count)
            guard room > 0 else {
                try self.receiveFrame()
                continue
            }
            let isLast = room == rest.count
            try self.send(
                HTTP2Frame(type: 0, flags: ends && isLast ? 1 : 0, stream: stream, payload: Array(rest.prefix(room))))
            self.window -= room
            self.streamWindows[stream, default: 0] -= room
            rest = rest.dropFirst(room)
        }
    }

    private func sendEnd(of stream: Int32) throws(TestFailure) { try self.send(.data(stream, "")) }

    /// Gives a request up. Its answer is none of those that are received.
    package func reset(_ stream: Int32) throws(TestFailure) {
        self.unanswered.removeAll { $0 == stream }
        try self.send(.reset(stream))
    }

    /// Sends frames in one segment, whatever they do to the connection.
    package func send(atOnce frames: [HTTP2Frame]) throws(TestFailure) {
        try self.connection.send(frames.flatMap(\.bytes))
    }

    private func send(_ frame: HTTP2Frame) throws(TestFailure) { try self.connection.send(frame.bytes) }

    /// How much the stream may carry: what is in the dictionary is what it differs by from a new one.
    private func streamWindow(_ stream: Int32) -> Int {
        let first = self.reader.settings[Setting.window].map { Int($0) } ?? Self.firstWindow
        return first + self.streamWindows[stream, default: 0]
    }

    /// Waits until there may be another request.
    private func waitForRoom() throws(TestFailure) {
        let streamsMax = min(100, self.reader.settings[Setting.streamsMax].map { Int($0) } ?? 100)
        while self.unanswered.count(where: { self.reader.answers[$0]?.isOver != true }) >= streamsMax {
            try self.receiveFrame()
        }
    }

    // MARK: Answers

    package func receiveAnswer(toHead: Bool) throws(TestFailure) -> HTTPAnswer {
        let stream = self.unanswered.removeFirst()
        while self.reader.answers[stream]?.isOver != true { try self.receiveFrame() }
        let answer = self.reader.takeAnswer(stream)
        self.streamWindows[stream] = nil
        guard answer.isWhole else { throw .ended("stream \(stream) was reset: \(answer.resetCode ?? 0)") }
        if !toHead, let length = answer["content-length"], length != "\(answer.body.count)" {
            throw .malformed("\(answer.body.count) bytes where \(length) were announced")
        }
        return HTTPAnswer(
            status: answer.status, reason: "", fields: answer.fields.filter { !$0.name.hasPrefix(":") },
            body: answer.body)
    }

    /// Lets no more than so many bytes come of the body of an answer to any request to be made.
    package func takeAnswers(upTo byteCount: UInt32) throws(TestFailure) {
        try self.send(.settings([(Setting.window, byteCount)]))
    }

    /// Waits until an answer has begun.
    package func waitForHead(on stream: Int32) throws(TestFailure) {
        while self.reader.answers[stream] == nil { try self.receiveFrame() }
    }

    /// Waits until the server has said that it takes no more requests.
    package func waitForGoAway() throws(TestFailure) { while !self.isLeaving { try self.receiveFrame() } }

    /// Waits for the end of the connection.
    package func receiveEnd() throws(TestFailure) {
        while true {
            do throws(TestFailure) { try self.receiveFrame() } catch .ended { return }
        }
    }

    /// Takes one frame and does what it asks for.
    ///
    /// - Throws: `.ended` where there is none.
    private func receiveFrame() throws(TestFailure) {
        while true {
            if let frame = self.reader.takeFrame() { return try self.heed(frame) }
            self.reader.receive(try self.connection.receiveSome())
        }
    }

    private func heed(_ frame: HTTP2Frame) throws(TestFailure) {
        switch frame.type {
        case 4 where frame.flags & 1 == 0:
            try self.send(HTTP2Frame(type: 4, flags: 1))
        case 6 where frame.flags & 1 == 0:
            try self.send(HTTP2Frame(type: 6, flags: 1, payload: frame.payload))
        case 8:
            let count = Int(HTTP2Reader.word(frame.payload[0..<4]))
            if frame.stream == 0 { self.window += count } else { self.streamWindows[frame.stream, default: 0] += count }
        case _:
            break
        }
    }
}
