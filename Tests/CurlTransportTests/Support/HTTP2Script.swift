// SPDX-License-Identifier: Apache-2.0

import LockedMemory

/// As much of HTTP/2 (RFC 9113) as a server needs that does not read what is asked.
struct HTTP2Frame {
    enum Kind: UInt8 {
        case data = 0, headers, priority, resetStream, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    static let acknowledgement: UInt8 = 0x1
    static let endStream: UInt8 = 0x1
    static let endHeaders: UInt8 = 0x4

    let kind: Kind
    var flags: UInt8 = 0
    var stream: UInt32 = 0
    var payload: [UInt8] = []

    var bytes: [UInt8] { self.head(of: self.payload.count) + self.payload }

    func head(of byteCount: Int) -> [UInt8] {
        [UInt8(byteCount >> 16), UInt8(byteCount >> 8 & 0xff), UInt8(byteCount & 0xff)]
            + [self.kind.rawValue, self.flags] + self.stream.bigEndianBytes
    }
}

extension UInt32 {
    var bigEndianBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> (24 - 8 * $0)) } }
}

extension TestConnection {
    /// Reads frames, hands each stream to `body` when its request is whole, and answers what must be answered.
    func serveStreams(_ body: (UInt32) -> Void) {
        var input: [UInt8] = []
        func take(_ count: Int) -> [UInt8]? {
            while input.count < count {
                guard let more = self.read() else { return nil }
                input += more
            }
            defer { input.removeFirst(count) }
            return Array(input.prefix(count))
        }
        let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        guard take(preface.utf8.count) == Array(preface.utf8) else { return }
        self.write(HTTP2Frame(kind: .settings).bytes)
        while let head = take(9), let payload = take(Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])) {
            let stream = head[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let flags = head[4]
            switch HTTP2Frame.Kind(rawValue: head[3]) {
            case .settings where flags & HTTP2Frame.acknowledgement == 0:
                self.write(HTTP2Frame(kind: .settings, flags: HTTP2Frame.acknowledgement).bytes)
            case .ping where flags & HTTP2Frame.acknowledgement == 0:
                self.write(HTTP2Frame(kind: .ping, flags: HTTP2Frame.acknowledgement, payload: payload).bytes)
            case .data where flags & HTTP2Frame.endStream != 0, .headers where flags & HTTP2Frame.endStream != 0:
                self.note(request: "stream \(stream)")
                body(stream)
            case .goAway:
                return
            default:
                break
            }
        }
    }

    func answerStreams() {
        self.serveStreams { stream in self.answer(stream, "stream \(stream)") }
    }

    /// Status 200 is the eighth entry of HPACK's static table. A frame carries 16 KiB at most.
    func answer(_ stream: UInt32, _ body: String, followedBy last: HTTP2Frame? = nil) {
        let headers = HTTP2Frame(kind: .headers, flags: HTTP2Frame.endHeaders, stream: stream, payload: [0x88])
        var bytes = headers.bytes
        var rest = Array(body.utf8)[...]
        repeat {
            let payload = rest.prefix(16384)
            rest = rest.dropFirst(16384)
            let flags = rest.isEmpty ? HTTP2Frame.endStream : 0
            bytes += HTTP2Frame(kind: .data, flags: flags, stream: stream, payload: Array(payload)).bytes
        } while !rest.isEmpty
        self.write(bytes + (last?.bytes ?? []))
    }

    /// Without a copy of the secret in ordinary memory.
    func answer(_ stream: UInt32, _ secret: borrowing Secret) {
        self.write(
            HTTP2Frame(kind: .headers, flags: HTTP2Frame.endHeaders, stream: stream, payload: [0x88]).bytes)
        self.write(HTTP2Frame(kind: .data, flags: HTTP2Frame.endStream, stream: stream).head(of: secret.byteCount))
        self.write(secret)
    }
}
