// SPDX-License-Identifier: Apache-2.0

import Linux
import LockedMemory

/// A client's socket with its ``Connection``: moves bytes between the two, as far as both want.
struct Client: ~Copyable {
    /// What the thread that serves many clients lends them in turn.
    struct Desk: ~Copyable {
        /// Takes what is received; empty between two turns.
        var input: TransitBuffer
        /// Takes answers; empty between two turns.
        var writer: ResponseWriter
        /// The time, as of the last look at the clock.
        var now = Instant.now()

        init(memory: SecretMemory) {
            self.input = TransitBuffer(capacity: Self.inputByteCount, in: memory)
            self.writer = ResponseWriter(capacity: Self.outputByteCount, in: memory)
        }

        /// Wipes answers that nobody will get.
        mutating func clear() { self.writer.buffer.removeAll(keeping: Self.outputByteCountMax) }

        // With what the heap adds, its classes are filled.
        fileprivate static var inputByteCount: Int { 32 * 1024 - 64 }
        fileprivate static var outputByteCount: Int { 16 * 1024 - 64 }
        /// An output buffer that has grown beyond this is not kept.
        fileprivate static var outputByteCountMax: Int { 96 * 1024 }
    }

    /// Whether it counts as one of the connections that there may be. Others are told to come back later.
    let isAdmitted: Bool

    private let socket: Descriptor
    private let memory: SecretMemory
    private var connection: Connection
    /// Answers that the socket did not take. As long as there are any, no request is looked at.
    private var unsent: TransitBuffer
    /// Makes the answer that is awaited.
    private var work: Task<Void, Never>?
    private var outputIsEnded = false
    /// What the event queue was last told to tell of.
    private var interest = EventQueue.Interest.input
    private var hasIgnoredInput = false

    init(socket: consuming Descriptor, connection: consuming Connection, isAdmitted: Bool, memory: SecretMemory) {
        self.socket = socket
        self.connection = connection
        self.isAdmitted = isAdmitted
        self.memory = memory
        self.unsent = TransitBuffer(in: memory)
    }

    deinit { self.work?.cancel() }

    /// When ``timeIsUp(_:)`` has something to do.
    var deadline: Instant { self.connection.deadline }

    // MARK: What happens. After each of these, `settle` is to follow.

    /// - Returns: false if the client has gone.
    mutating func handle(_ event: EventQueue.Event, _ desk: inout Desk) -> Bool {
        if event.hasRoom, !self.sendUnsent() { return false }
        guard event.hasInput || event.hasFailed else { return true }
        guard self.wantsInput else {
            self.hasIgnoredInput = true
            return !event.hasFailed
        }
        return self.receive(&desk)
    }

    mutating func drain(now: Instant) { self.connection.drain(now: now) }

    mutating func timeIsUp(_ desk: inout Desk) { self.connection.timeIsUp(&desk.writer, now: &desk.now) }

    mutating func answerIsMade(_ serial: Int, _ answer: borrowing ResponseWriter, _ desk: inout Desk) {
        self.connection.answerIsMade(serial, answer, &desk.writer, now: &desk.now)
    }

    // MARK: Input

    private var wantsInput: Bool {
        self.connection.wantsInput && (self.unsent.isEmpty || self.connection.ending == .linger)
    }

    private mutating func receive(_ desk: inout Desk) -> Bool {
        switch desk.input.withRoom(for: 1, { self.socket.receive(into: &$0) }) {
        case .bytes:
            desk.input.withBytes { self.connection.receive($0, &desk.writer, now: &desk.now) }
            desk.input.removeAll(keeping: .max)
        case .end:
            self.connection.inputHasEnded()
        case .nothing:
            break
        case .failed:
            return false
        }
        return true
    }

    // MARK: Output

    /// Does what the connection is waiting for: sends answers, goes on with what waited behind them, or ends.
    ///
    /// - Parameter post: takes the answer that has to be waited for, from any thread.
    /// - Returns: false if the connection has come to its end.
    mutating func settle(_ desk: inout Desk, post: (Connection.Deferred) -> Task<Void, Never>) -> Bool {
        while true {
            guard self.connection.ending != .abort, self.send(&desk.writer) else { return false }
            if let deferred = self.connection.takeDeferred() {
                self.work?.cancel()
                self.work = post(deferred)
            } else if self.work != nil, !self.connection.isAnswering {
                self.work?.cancel()
                self.work = nil
            }
            guard self.unsent.isEmpty else { return true }
            switch self.connection.ending {
            case .none:
                guard self.connection.canResume else { return true }
                self.connection.resume(&desk.writer, now: &desk.now)
            case .linger:
                self.endOutput()
                return true
            case .close, .abort:
                return false
            }
        }
    }

    /// Sends what was written, and keeps what the socket does not take.
    private mutating func send(_ writer: inout ResponseWriter) -> Bool {
        guard !writer.buffer.isEmpty else { return true }
        if self.unsent.isEmpty {
            guard let sent = writer.buffer.withBytes({ self.socket.send($0) }) else { return false }
            writer.buffer.useUp(sent)
        }
        writer.buffer.withBytes { self.unsent.append($0) }
        writer.buffer.removeAll(keeping: Desk.outputByteCountMax)
        return true
    }

    /// Sends what the socket did not take before.
    private mutating func sendUnsent() -> Bool {
        guard let sent = self.unsent.withBytes({ self.socket.send($0) }) else { return false }
        self.unsent.useUp(sent)
        if self.unsent.isEmpty { self.unsent.removeAll() }
        return true
    }

    private mutating func endOutput() {
        guard !self.outputIsEnded else { return }
        self.outputIsEnded = true
        self.socket.endSending()
    }

    // MARK: The event queue

    func watch(on events: borrowing EventQueue, token: UInt64) throws(SystemError) {
        try events.add(self.socket, for: self.interest, token: token)
    }

    /// Tells the queue what is waited for now. That input is not, only once there was some: nearly always the wait is
    /// over by then.
    ///
    /// - Returns: false if the queue cannot be told.
    mutating func adjustWatch(on events: borrowing EventQueue, token: UInt64) -> Bool {
        let wanted = EventQueue.Interest(
            input: self.wantsInput || self.interest.input && !self.hasIgnoredInput, output: !self.unsent.isEmpty)
        self.hasIgnoredInput = false
        guard wanted != self.interest else { return true }
        self.interest = wanted
        do throws(SystemError) {
            try events.change(self.socket, to: wanted, token: token)
            return true
        } catch {
            return false
        }
    }
}
