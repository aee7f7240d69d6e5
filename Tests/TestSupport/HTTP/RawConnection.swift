// SPDX-License-Identifier: Apache-2.0

import CTestSupport
import Glibc

/// A client that writes whatever bytes it is told to, and reads answers strictly.
///
/// Whatever it waits for, it waits for with a deadline.
package final class RawConnection: HTTPTestConnection {
    private let descriptor: Descriptor
    /// Nil: bytes go as they are.
    private var tls: TLSRecords?
    private var input: [UInt8] = []
    private var position = 0

    package init(to path: String) throws(TestFailure) {
        self.descriptor = try UnixSocket.connection(to: path)
        self.tls = nil
    }

    /// A connection to a port of this machine on which nothing is sent.
    package init(toPort port: UInt16) throws(TestFailure) {
        self.descriptor = try LoopbackSocket.connection(toPort: port)
        self.tls = nil
    }

    /// A connection by TLS, whose handshake is done.
    package init(toPort port: UInt16, with client: TLSClient) throws(TestFailure) {
        self.descriptor = try LoopbackSocket.connection(toPort: port)
        let tls = try TLSRecords(client)
        self.tls = tls
        while true {
            let isDone = try tls.shakeHands()
            try self.sendAsItIs(tls.takeRecords())
            if isDone { return }
            tls.receive(try self.receiveAsItIs())
        }
    }

    package var isEncrypted: Bool { self.tls != nil }

    /// The TLS session that a later connection can resume; nil if the server has offered none by now. TLS 1.3 offers it
    /// ahead of the first answer.
    package var session: TLSClientSession? { self.tls?.session }
    package var isResumed: Bool { self.tls?.isResumed == true }

    /// Lets this process have as many connections as it may.
    package static func allowThousands() throws(TestFailure) {
        guard testsupport_raise_descriptor_limit() >= 4096 else {
            throw .unusable("this process may not open 4096 descriptors: raise 'ulimit -n'")
        }
    }

    /// Releases what TLS occupies in this process, and keeps the socket open: the server cannot tell.
    package func forgetTLS() { self.tls = nil }

    // MARK: Sending

    package func send(_ bytes: [UInt8]) throws(TestFailure) {
        guard let tls = self.tls else { return try self.sendAsItIs(bytes) }
        try tls.write(bytes)
        try self.sendAsItIs(tls.takeRecords())
    }

    private func sendAsItIs(_ bytes: [UInt8]) throws(TestFailure) {
        var sent = 0
        while sent < bytes.count {
            _ = try Deadline.standard.wait(
                for: POLLOUT, on: [self.descriptor.number], waitingFor: "room for \(bytes.count - sent) bytes to send")
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.send(
                    self.descriptor.number, buffer.baseAddress?.advanced(by: sent), buffer.count - sent,
                    CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
            }
            guard count >= 0 || errno == EINTR || errno == EAGAIN else { throw .system("send") }
            sent += max(count, 0)
        }
    }

    package func send(_ text: String) throws(TestFailure) { try self.send([UInt8](text.utf8)) }

    /// Sends requests in one segment.
    package func send(_ requests: [HTTPRequest]) throws(TestFailure) { try self.send(requests.flatMap(\.bytes)) }

    /// Sends in so many segments, each after the peer has taken in the one before, so that it sees every one.
    package func send(_ bytes: [UInt8], inSegments count: Int) throws(TestFailure) {
        for index in 0..<count {
            try self.send(Array(bytes[bytes.count * index / count..<bytes.count * (index + 1) / count]))
            try self.waitUntilTaken()
        }
    }

    /// Sends what the peer takes: one that has refused the beginning need not listen to the rest.
    package func sendWhatIsTaken(_ bytes: [UInt8], inSegments count: Int = 1) throws(TestFailure) {
        do throws(TestFailure) {
            try self.send(bytes, inSegments: count)
        } catch .system(call: "send", code: EPIPE), .system(call: "send", code: ECONNRESET) {
            return
        }
    }

    /// Waits until the peer has read all that was sent. The kernel tells, but tells nobody when: so one has to ask.
    ///
    /// There is nothing to wait for with TLS: what is sent at a time is a record, and records are read one by one.
    package func waitUntilTaken() throws(TestFailure) {
        guard self.tls == nil else { return }
        let deadline = Deadline.standard
        while testsupport_unread_by_peer(self.descriptor.number) > 0 {
            guard !deadline.hasPassed else { throw .timedOut(waitingFor: "the peer to read") }
            sched_yield()
        }
    }

    /// Says that nothing more will be sent, and goes on receiving.
    package func finishSending() throws(TestFailure) {
        if let tls = self.tls {
            tls.end()
            try self.sendAsItIs(tls.takeRecords())
        }
        shutdown(self.descriptor.number, CInt(SHUT_WR))
    }

    /// Ends the connection, whoever still holds it.
    package func close() { shutdown(self.descriptor.number, CInt(SHUT_RDWR)) }

    // MARK: Receiving

    package func receiveAnswer(toHead: Bool) throws(TestFailure) -> HTTPAnswer {
        let statusLine = try self.receiveLine().split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard statusLine.count == 3, statusLine[0] == "HTTP/1.1", statusLine[1].utf8.count == 3,
            let status = Int(statusLine[1]), !statusLine[2].isEmpty
        else { throw .malformed("status line '\(statusLine.joined(separator: " "))'") }
        let fields = try self.receiveFields()
        // Neither has anything behind its head.
        let body = status == 100 || toHead ? [] : try self.receiveBody(fields)
        return HTTPAnswer(status: status, reason: String(statusLine[2]), fields: fields, body: body)
    }

    /// Waits for the end of the connection, before which nothing more may come.
    ///
    /// - Parameter mayBeReset: whether the peer may have closed without reading what it was sent.
    package func receiveEnd(mayBeReset: Bool = false) throws(TestFailure) {
        do throws(TestFailure) {
            try self.receiveMore()
        } catch .ended {
            return
        } catch .system(call: "recv", code: ECONNRESET) where mayBeReset {
            return
        }
        let text = String(decoding: self.input[self.position...].prefix(200), as: UTF8.self)
        throw .malformed("where the connection was to end, there is '\(text)'")
    }

    /// Waits until at least `count` of the connections have something to be received, and returns those.
    package static func waitForInput(
        on connections: [RawConnection], atLeast count: Int
    ) throws(TestFailure) -> [RawConnection] {
        var ready: [RawConnection] = []
        var others = connections
        let deadline = Deadline.standard
        while ready.count < count {
            let indices = Set(
                try deadline.wait(
                    for: POLLIN, on: others.map(\.descriptor.number), waitingFor: "input on \(count) connections"))
            ready += indices.map { others[$0] }
            others = others.indices.filter { !indices.contains($0) }.map { others[$0] }
        }
        return ready
    }

    // MARK: Parts of an answer

    private func receiveFields() throws(TestFailure) -> [HTTPAnswer.Field] {
        var fields: [HTTPAnswer.Field] = []
        while true {
            let line = try self.receiveLine()
            if line.isEmpty { return fields }
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex,
                line[..<colon].utf8.allSatisfy({ Self.isTokenCharacter($0) })
            else { throw .malformed("header line '\(line)'") }
            var value = line[line.index(after: colon)...]
            while value.first == " " { value.removeFirst() }
            guard value.last != " " else { throw .malformed("header line '\(line)' ends with a blank") }
            fields.append(HTTPAnswer.Field(name: String(line[..<colon]), value: String(value)))
        }
    }

    private func receiveBody(_ fields: [HTTPAnswer.Field]) throws(TestFailure) -> [UInt8] {
        let framing = fields.filter { ["content-length", "transfer-encoding"].contains($0.name.lowercased()) }
        guard framing.count == 1 else { throw .malformed("an answer with \(framing.count) lengths") }
        if framing[0].name.lowercased() == "content-length" {
            guard let count = Int(framing[0].value), count >= 0, String(count) == framing[0].value else {
                throw .malformed("Content-Length '\(framing[0].value)'")
            }
            return try self.receive(count)
        }
        guard framing[0].value == "chunked" else { throw .malformed("Transfer-Encoding '\(framing[0].value)'") }
        var body: [UInt8] = []
        while true {
            let line = try self.receiveLine()
            guard let count = Int(line, radix: 16), count >= 0 else { throw .malformed("chunk size '\(line)'") }
            body += try self.receive(count)
            guard try self.receiveLine().isEmpty else { throw .malformed("a chunk without its end") }
            if count == 0 { return body }
        }
    }

    private func receive(_ count: Int) throws(TestFailure) -> [UInt8] {
        while self.input.count - self.position < count { try self.receiveMore() }
        defer { self.position += count }
        return Array(self.input[self.position..<self.position + count])
    }

    /// A line without its CR LF. No other control character may stand in it.
    private func receiveLine() throws(TestFailure) -> String {
        var end = self.position
        while true {
            while end < self.input.count, self.input[end] >= 0x20 { end += 1 }
            if self.input.count - end >= 2 { break }
            let scanned = end - self.position
            try self.receiveMore()
            end = self.position + scanned
        }
        guard self.input[end] == 0x0d, self.input[end + 1] == 0x0a else {
            throw .malformed("control character \(self.input[end]) in a line")
        }
        defer { self.position = end + 2 }
        return String(decoding: self.input[self.position..<end], as: UTF8.self)
    }

    /// What has come, however little; waits if that is nothing.
    ///
    /// - Throws: `.ended` at the end.
    package func receiveSome() throws(TestFailure) -> [UInt8] {
        if self.position == self.input.count { try self.receiveMore() }
        defer { self.position = self.input.count }
        return Array(self.input[self.position...])
    }

    /// - Throws: `.ended` at the end.
    private func receiveMore() throws(TestFailure) {
        if self.position > 0 {
            self.input.removeFirst(self.position)
            self.position = 0
        }
        guard let tls = self.tls else {
            self.input += try self.receiveAsItIs()
            return
        }
        while true {
            let bytes = try tls.read()
            try self.sendAsItIs(tls.takeRecords())
            self.input += bytes
            if !bytes.isEmpty { return }
            tls.receive(try self.receiveAsItIs())
        }
    }

    private func receiveAsItIs() throws(TestFailure) -> [UInt8] {
        _ = try Deadline.standard.wait(for: POLLIN, on: [self.descriptor.number], waitingFor: "the agent's answer")
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe recv(self.descriptor.number, &bytes, bytes.count, 0)
        guard count >= 0 else { throw .system("recv") }
        guard count > 0 else { throw .ended(self.input.isEmpty ? "with nothing" : "in the middle of an answer") }
        return Array(bytes.prefix(count))
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        case _: false
        }
    }
}
