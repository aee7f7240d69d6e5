// SPDX-License-Identifier: Apache-2.0

import Linux
import LockedMemory

/// A connection with at most one request in flight.
struct LoadConnection: ~Copyable {
    enum Progress {
        case waiting
        case answered(Answer, sentAt: Instant)
        case failed(LoadReport.Fault)
    }

    private let socket: Descriptor
    private var reader = AnswerReader()
    /// The range of the request that was not sent yet.
    private var unsent = 0..<0
    /// When the request in flight was begun; nil if there is none.
    private(set) var sentAt: Instant?

    init(_ socket: consuming Descriptor) { self.socket = socket }

    var peerProcessID: Int? { self.socket.peerProcessID }

    var hasUnsent: Bool { !self.unsent.isEmpty }

    /// Sends the request at `range` of `bytes`.
    mutating func begin(_ range: Range<Int>, of bytes: Span<UInt8>, now: Instant) {
        self.unsent = range
        self.sentAt = now
        self.send(bytes)
    }

    /// Sends the rest of the request, as far as the socket accepts it. The event queue also reports a broken
    /// connection.
    mutating func send(_ bytes: Span<UInt8>) {
        guard self.hasUnsent, let sent = self.socket.send(bytes.extracting(self.unsent)) else { return }
        self.unsent = self.unsent.lowerBound + sent..<self.unsent.upperBound
    }

    /// Reads what has arrived.
    ///
    /// - Parameter buffer: empty before, wiped afterwards.
    mutating func receive(_ buffer: inout TransitBuffer) -> Progress {
        var received = Descriptor.Received.failed
        buffer.withRoom(for: 1) { received = self.socket.receive(into: &$0) }
        switch received {
        case .bytes:
            let progress = buffer.withBytes { self.read($0) }
            buffer.removeAll(keeping: .max)
            return progress
        case .nothing:
            return .waiting
        case .end, .failed:
            return .failed(.disconnected)
        }
    }

    private mutating func read(_ input: Span<UInt8>) -> Progress {
        var position = 0
        do throws(AnswerReader.Malformed) {
            guard let answer = try self.reader.read(input, from: &position) else { return .waiting }
            // There is no request that further bytes could answer, and only an error can answer a request that was not
            // sent completely.
            guard position == input.count, let sentAt = self.sentAt, !self.hasUnsent || answer.closes else {
                return .failed(.malformed)
            }
            self.sentAt = nil
            return .answered(answer, sentAt: sentAt)
        } catch {
            return .failed(.malformed)
        }
    }

    // MARK: The event queue

    func watch(on events: borrowing EventQueue, token: UInt64) throws(SystemError) {
        try events.add(self.socket, for: self.interest, token: token)
    }

    func adjustWatch(on events: borrowing EventQueue, token: UInt64) throws(SystemError) {
        try events.change(self.socket, to: self.interest, token: token)
    }

    private var interest: EventQueue.Interest { EventQueue.Interest(input: true, output: self.hasUnsent) }
}
