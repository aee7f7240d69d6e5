// SPDX-License-Identifier: Apache-2.0

import Linux
import TLS

/// What carries a connection's bytes: a socket, with or without TLS over it. None of its calls waits.
struct Transport: ~Copyable {
    enum Handshake {
        case underWay
        case done(PeerCredential, speaksHTTP2: Bool)
        /// The client does not know of TLS; what is sent now goes out as it is.
        case plainHTTP
        case failed(reason: String)
    }

    private let socket: Descriptor
    /// Whether the event queue tells of input once. TLS would have to ask the socket in vain to know that all is read.
    private let isOnEdge: Bool
    private var socketMayHoldInput = false
    private var inputHasEnded = false
    /// Whether the event queue has told that nothing can be sent any more.
    private(set) var hasFailed = false
    /// Where TLS is spoken, what is shown.
    private var server: ServerTLS?
    private var tls: TLSSession?

    init(_ socket: consuming Descriptor, tls server: ServerTLS?) {
        self.socket = socket
        self.server = server
        self.isOnEdge = server == nil
    }

    /// Whether requests can come: not before the handshake.
    var isReady: Bool {
        switch self.tls {
        case nil: self.server == nil
        case .some(let tls): tls.isEstablished
        }
    }

    /// Whether the socket must take something before anything else can be done.
    var needsRoom: Bool {
        switch self.tls {
        case nil: false
        case .some(let tls): tls.needsRoom
        }
    }

    /// Whether there may be input that no event will tell of.
    var mayHoldInput: Bool {
        switch self.tls {
        case nil: self.socketMayHoldInput
        case .some(let tls): tls.mayHoldInput
        }
    }

    /// Begins a handshake, or goes on with it.
    mutating func shakeHands() -> Handshake {
        guard let server = self.server else { return .failed(reason: "no handshake is due") }
        if self.tls == nil {
            self.tls = TLSSession(server.current, on: self.socket)
        }
        switch self.tls?.shakeHands() {
        case nil:
            return .failed(reason: "no memory")
        case .underWay?:
            return .underWay
        case .failed(let reason)?:
            return .failed(reason: reason)
        case .plainHTTP?:
            self.tls = nil
            self.server = nil
            return .plainHTTP
        case .done?:
            return .done(self.tls?.credential ?? .none, speaksHTTP2: self.tls?.speaksHTTP2 == true)
        }
    }

    mutating func receive(into buffer: inout OutputRawSpan) -> Descriptor.Received {
        if let received = self.tls?.receive(into: &buffer) { return received }
        let room = buffer.freeCapacity
        let received = self.socket.receive(into: &buffer)
        if case .bytes(let count) = received, count == room || self.inputHasEnded { return received }
        self.socketMayHoldInput = false
        return received
    }

    /// - Returns: how many of the bytes were taken; nil if the connection is broken.
    mutating func send(_ bytes: Span<UInt8>) -> Int? {
        guard self.tls == nil else { return self.tls?.send(bytes) }
        return self.socket.send(bytes)
    }

    /// Whether the client is one that a policy names. Its records then pass through memory that others cannot use up.
    mutating func setAuthenticated(_ isAuthenticated: Bool) { self.tls?.isAuthenticated = isAuthenticated }

    /// Whether to keep what memory the next bytes will need.
    func keepBuffers(_ keeps: Bool) { self.tls?.keepBuffers(keeps) }

    /// Says that nothing more will come.
    mutating func endSending() {
        self.tls?.endSending()
        self.socket.endSending()
    }

    /// The same where the socket is closed anyway.
    mutating func sayThatItEnds() { self.tls?.endSending() }

    // MARK: The event queue

    /// Takes note of what the event queue will not tell again.
    mutating func note(_ event: EventQueue.Event) {
        guard self.isOnEdge else { return }
        if event.hasFailed { self.hasFailed = true }
        if event.inputHasEnded { self.inputHasEnded = true }
        if event.hasInput || event.inputHasEnded { self.socketMayHoldInput = true }
    }

    /// What to wait for. Whoever waits for input on the edge waits for it always.
    func interest(input: Bool, output: Bool) -> EventQueue.Interest {
        EventQueue.Interest(input: input || self.isOnEdge, output: output, isOnEdge: self.isOnEdge)
    }

    func watch(_ interest: EventQueue.Interest, on events: borrowing EventQueue, token: UInt64) throws(SystemError) {
        try events.add(self.socket, for: interest, token: token)
    }

    func changeWatch(
        to interest: EventQueue.Interest, on events: borrowing EventQueue, token: UInt64
    ) throws(SystemError) {
        try events.change(self.socket, to: interest, token: token)
    }
}
