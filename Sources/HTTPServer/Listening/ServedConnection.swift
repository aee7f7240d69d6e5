// SPDX-License-Identifier: Apache-2.0

import Linux
import LockedMemory
import Primitives

/// What is spoken on a connection: HTTP/1.1, unless TLS agrees on HTTP/2, or, without TLS, the client begins with the
/// preface of HTTP/2 (RFC 9113 §3.3, prior knowledge).
struct ServedConnection: ~Copyable {
    private let context: ServerLoop.ServerContext
    private let fronts: FrontRouter
    /// Speaks as long as ``http2`` does not.
    private var http1: HTTP1Connection
    private var http2: HTTP2Connection?
    /// Whether the next bytes tell which it is.
    private var isUndecided: Bool
    /// Bytes that may be the beginning of the preface.
    private var opening: TransitBuffer
    /// Makes the answer of HTTP/1.1 that is awaited.
    private var work: Task<Void, Never>?

    private static var preface: StaticString { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" }

    init(_ context: ServerLoop.ServerContext, _ fronts: FrontRouter, with peer: Peer, now: Instant) {
        self.context = context
        self.fronts = fronts
        self.http1 = HTTP1Connection(context, fronts, peer: peer, now: now)
        self.isUndecided = peer.listener == .unix
        self.opening = TransitBuffer(in: context.memory)
    }

    deinit { self.work?.cancel() }

    // MARK: What it is waiting for

    var wantsInput: Bool {
        switch self.http2 {
        case nil: self.http1.wantsInput
        case .some(let http2): http2.wantsInput
        }
    }

    var canResume: Bool {
        switch self.http2 {
        case nil: self.http1.canResume
        case .some(let http2): http2.canResume
        }
    }

    var deadline: Instant {
        switch self.http2 {
        case nil: self.http1.deadline
        case .some(let http2): http2.deadline
        }
    }

    var ending: HTTP1Connection.Ending {
        switch self.http2 {
        case nil: self.http1.ending
        case .some(let http2): http2.ending
        }
    }

    /// Whether ``startWork(_:)`` has something to do.
    var hasWork: Bool {
        switch self.http2 {
        case nil: self.http1.hasDeferred || self.work != nil && !self.http1.isAnswering
        case .some(let http2): http2.hasDeferred
        }
    }

    /// Has `post` make the answers that have to be waited for, and gives up the wait for those that nobody waits for.
    mutating func startWork(_ post: (HTTP1Connection.Deferred) -> Task<Void, Never>) {
        guard self.http2 == nil else {
            self.http2?.startWork(post)
            return
        }
        if let deferred = self.http1.takeDeferred() {
            self.work?.cancel()
            self.work = post(deferred)
        } else if self.work != nil, !self.http1.isAnswering {
            self.work?.cancel()
            self.work = nil
        }
    }

    // MARK: What happens

    /// TLS has found out who the client is and what it speaks.
    mutating func meet(_ peer: Peer, speaksHTTP2: Bool, now: Instant) {
        self.http1.peer = peer
        if speaksHTTP2 { self.beginHTTP2(now: now) }
    }

    mutating func receive(_ input: Span<UInt8>, _ writer: inout ResponseWriter, now: inout Instant) {
        if self.isUndecided {
            self.decide(input, &writer, now: &now)
        } else if self.http2 == nil {
            self.http1.receive(input, &writer, now: &now)
        } else {
            self.http2?.receive(input, now: &now)
        }
    }

    /// Goes on with what waited for answers to be sent. Frames are asked for anyway.
    mutating func resume(_ writer: inout ResponseWriter, now: inout Instant) {
        if self.http2 == nil { self.http1.resume(&writer, now: &now) }
    }

    mutating func inputHasEnded() {
        if self.http2 == nil { self.http1.inputHasEnded() } else { self.http2?.inputHasEnded() }
    }

    mutating func drain(now: Instant) {
        self.http1.drain(now: now)  // In case that is what it turns out to be.
        self.http2?.drain(now: now)
    }

    mutating func timeIsUp(_ writer: inout ResponseWriter, now: inout Instant) {
        if self.http2 == nil { self.http1.timeIsUp(&writer, now: &now) } else { self.http2?.timeIsUp(now: &now) }
    }

    mutating func answerIsMade(
        _ serial: Int, _ made: consuming ResponseWriter, _ writer: inout ResponseWriter, now: inout Instant
    ) {
        guard self.http2 == nil else {
            self.http2?.answerIsMade(serial, made, now: &now)
            return
        }
        self.http1.answerIsMade(serial, made, &writer, now: &now)
    }

    mutating func turnAway(with response: Response, _ writer: inout ResponseWriter, now: Instant) {
        self.isUndecided = false
        self.http1.turnAway(with: response, &writer, now: now)
    }

    /// What KES says, in plain text, to a client that does not know of TLS.
    mutating func askForTLS(_ writer: inout ResponseWriter, now: Instant) {
        writer.buffer.withRoom(for: 128) {
            $0.append("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
        }
        self.http1.endUnasked(now: now)
    }

    /// Appends the frames of HTTP/2 that are ready. Answers of HTTP/1.1 are written where they are made.
    mutating func write(into writer: inout ResponseWriter, now: inout Instant) {
        if self.http2 != nil { self.http2?.write(into: &writer.buffer, now: &now) }
    }

    // MARK: Which it is

    private mutating func decide(_ input: Span<UInt8>, _ writer: inout ResponseWriter, now: inout Instant) {
        guard !self.opening.isEmpty || input.beginsLike(Self.preface) else {
            // Nearly always: the first byte, or the second, tells.
            self.isUndecided = false
            self.http1.receive(input, &writer, now: &now)
            return
        }
        guard self.opening.append(input) else { return self.http1.abort() }
        let (beginsLikeIt, isWhole) = self.opening.withBytes {
            ($0.beginsLike(Self.preface), $0.count >= Self.preface.utf8CodeUnitCount)
        }
        guard !beginsLikeIt || isWhole else {
            self.http1.headBegan(now: now)
            return
        }
        self.isUndecided = false
        if beginsLikeIt { self.beginHTTP2(now: now) }
        var opening = self.opening.take()
        opening.withBytes { self.receive($0, &writer, now: &now) }
        opening.removeAll()
    }

    private mutating func beginHTTP2(now: Instant) {
        self.http2 = HTTP2Connection(self.context, self.fronts, peer: self.http1.peer, now: now)
        // HTTP/1.1 is no substitute for it.
        if self.http2 == nil { self.http1.abort() }
        if self.http1.isDraining { self.http2?.drain(now: now) }
    }
}

extension Span<UInt8> {
    /// Whether these bytes and `text` are the same as far as both go.
    fileprivate func beginsLike(_ text: StaticString) -> Bool {
        for index in 0..<Swift.min(self.count, text.utf8CodeUnitCount)
        where unsafe self[index] != text.utf8Start[index] {
            return false
        }
        return true
    }
}
