// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Linux
import LockedMemory
import Logging
import Primitives

/// One thread's share of a server's clients, from the start of the thread to its end.
struct ServerLoop: ~Copyable {
    /// What all loops of a server have in common.
    final class ServerContext: Sendable {
        let observer: any RequestObserver
        let limits: ServerLimits
        let requestIDs: RequestIDGenerators
        let memory: SecretMemory
        let unauthenticatedInput: UnauthenticatedInputLimit
        let logger: Logger
        /// What reads the time.
        let clock: @Sendable () -> Instant

        init(
            observer: any RequestObserver, limits: ServerLimits,
            requestIDs: RequestIDGenerators = RequestIDGenerators(), memory: SecretMemory, logger: Logger,
            clock: @escaping @Sendable () -> Instant = { .now() }
        ) {
            self.observer = observer
            self.limits = limits
            self.requestIDs = requestIDs
            self.memory = memory
            self.unauthenticatedInput = UnauthenticatedInputLimit(byteCountMax: limits.unauthenticatedInputByteCount)
            self.logger = logger
            self.clock = clock
        }
    }

    private let context: ServerContext
    private let inbox: LoopInbox
    /// Of all loops of the server.
    private let loops: [LoopInbox]
    /// Messages in work; empty between two turns.
    private var messages: [LoopInbox.Message] = []
    private var acceptors = SlotMap<Acceptor>()
    private var clients = SlotMap<ClientConnection>()
    private var buffers: ClientConnection.LoopBuffers
    /// No deadline is nearer. Most are only put off, which costs nothing here: a look at them that comes too early finds
    /// nothing to do.
    private var nextDeadline = Instant.distantFuture
    private var acceptAgainAt = Instant.distantFuture
    private var admittedCount = 0
    private var isDraining = false
    /// Connections whose client is not known.
    private var unauthenticated: [UnauthenticatedConnections.Serial: SlotMap<ClientConnection>.ID] = [:]
    private var recent: RecentClients
    private var end: End?
    private var isStopped = false

    private struct End {
        let deadline: Instant
        let reply: @Sendable (Int) -> Void
    }

    /// - Parameters:
    ///   - listeners: those that this loop accepts for.
    ///   - loops: all of the server's, this one included.
    init(_ context: ServerContext, inbox: LoopInbox, listeners: [Listener] = [], loops: [LoopInbox] = []) {
        self.context = context
        self.inbox = inbox
        self.loops = loops
        for (index, listener) in listeners.enumerated() {
            _ = self.acceptors.insert(Acceptor(listener, index: index, loops: loops, logger: context.logger))
        }
        self.buffers = ClientConnection.LoopBuffers(memory: context.memory)
        self.recent = RecentClients(roomFor: context.memory.plan.keptBuffersPerLoop)
    }

    /// Serves until it is told to stop.
    mutating func run() {
        var batch = EventQueue.Batch()
        while !self.isStopped {
            self.inbox.wait(into: &batch, until: self.nextDeadline, now: self.buffers.now)
            self.buffers.now = .now()
            for index in 0..<batch.count { self.handle(batch[index]) }
            self.receiveMessages()
            if self.buffers.now >= self.nextDeadline { self.lookAtDeadlines() }
        }
        self.cutOff()
        self.inbox.close(into: &self.messages)
        self.handleMessages()  // So that nobody waits for a reply.
    }

    private mutating func handle(_ event: EventQueue.Event) {
        switch event.token {
        case LoopInbox.token:
            break  // They are looked at in every turn.
        case Acceptor.tokens:
            self.accept(token: event.token)
        case let token:
            let id = SlotMap<ClientConnection>.ID(rawValue: token)
            guard let outcome = self.clients[id]?.handle(event, &self.buffers) else { return }
            if outcome.isActiveWithoutBuffers { self.noteActivity(of: id) }
            if let serial = outcome.authenticatedSerial { self.unauthenticated[serial] = nil }
            if outcome.isConnected { self.settle(id) } else { self.remove(id) }
        }
    }

    // MARK: Clients

    private mutating func adopt(
        _ socket: consuming Descriptor, of listener: Listener, _ admission: ConnectionCount.Admission
    ) {
        var client = ClientConnection(socket, of: listener, admission, self.context, now: self.buffers.now)
        if self.isDraining { client.drain(now: self.buffers.now, grace: self.context.limits.drainGrace) }
        let serial = client.unauthenticatedSerial
        if client.isAdmitted {
            self.admittedCount += 1
        } else {
            client.turnAway(
                with: listener.fronts.refusal(.serviceUnavailable, "too many connections"), &self.buffers)
        }
        let id = self.clients.insert(client)
        if let serial { self.unauthenticated[serial] = id }
        do throws(SystemError) {
            try self.clients[id]?.watch(on: self.inbox.events, token: id.rawValue)
            self.settle(id)
        } catch {
            self.context.logger.warning("connection cannot be served", metadata: ["reason": "\(error)"])
            self.remove(id)
        }
    }

    /// Has a client do what it waits for, and goes on waiting for it.
    private mutating func settle(_ id: SlotMap<ClientConnection>.ID) {
        guard
            let settlement = self.clients[id]?.settle(&self.buffers, on: self.inbox.events, token: id.rawValue)
        else {
            self.remove(id)
            return
        }
        if settlement.hasWork { self.startWork(of: id) }
        self.nextDeadline = min(self.nextDeadline, settlement.deadline)
    }

    /// Has tasks make the answers that have to be waited for.
    private mutating func startWork(of id: SlotMap<ClientConnection>.ID) {
        let (inbox, memory, openings) = (self.inbox, self.context.memory, self.buffers.deferredOpenings)
        self.clients[id]?
            .startWork { deferred in
                Task(executorPreference: inbox) {
                    var writer = ResponseWriter(openings: openings, in: memory)
                    writer.begin(deferred.frame)
                    await deferred.answer(&writer)
                    inbox.post(.answer(MadeAnswer(writer), serial: deferred.serial, to: id))
                }
            }
    }

    private mutating func remove(_ id: SlotMap<ClientConnection>.ID) {
        self.buffers.clear()
        guard let client = self.clients.remove(id) else { return }
        self.inbox.hasLost()
        guard client.isAdmitted else { return }
        if let serial = client.unauthenticatedSerial { self.unauthenticated[serial] = nil }
        client.listener.connections.leave(client.unauthenticatedSerial)
        self.admittedCount -= 1
        self.endIfEmpty()
    }

    /// Lets a TLS client that is active keep its buffers, if it is its turn.
    private mutating func noteActivity(of id: SlotMap<ClientConnection>.ID) {
        let (isAdmitted, former) = self.recent.meet(id)
        guard isAdmitted else { return }
        if let former { self.clients[former]?.isRecent = false }
        self.clients[id]?.isRecent = true
    }

    private mutating func recognizeClients() {
        for (serial, id) in self.unauthenticated {
            self.clients[id]?.recognize()
            if self.clients[id]?.unauthenticatedSerial == nil { self.unauthenticated[serial] = nil }
        }
    }

    private mutating func forgetClients() {
        guard let loop = self.loops.firstIndex(where: { $0 === self.inbox }) else { return }
        for id in self.clients.ids {
            if let dropped = self.clients[id]?.forget(onLoop: loop) {
                self.loops[dropped.loop].post(.drop(dropped.serial))
            }
            if let serial = self.clients[id]?.unauthenticatedSerial { self.unauthenticated[serial] = id }
        }
    }

    private mutating func drop(_ id: SlotMap<ClientConnection>.ID) {
        self.clients[id]?.drop()
        self.settle(id)
    }

    private mutating func cutOff() { for id in self.clients.ids { self.remove(id) } }

    // MARK: Time

    private mutating func lookAtDeadlines() {
        self.nextDeadline = .distantFuture
        if self.acceptAgainAt <= self.buffers.now {
            self.acceptAgainAt = .distantFuture
            for id in self.acceptors.ids { self.acceptors[id]?.watch(true, on: self.inbox.events) }
        }
        if let end = self.end, end.deadline <= self.buffers.now {
            self.end = nil
            end.reply(self.admittedCount)
            self.cutOff()
        }
        for id in self.clients.ids {
            guard let deadline = self.clients[id]?.deadline else { continue }
            if deadline <= self.buffers.now {
                self.clients[id]?.timeIsUp(&self.buffers)
                self.settle(id)
            } else {
                self.nextDeadline = min(self.nextDeadline, deadline)
            }
        }
        self.nextDeadline = min(self.nextDeadline, self.acceptAgainAt, self.end?.deadline ?? .distantFuture)
    }

    // MARK: Accepting

    private mutating func accept(token: UInt64) {
        for id in self.acceptors.ids where self.acceptors[id]?.token == token {
            guard case .unable = self.acceptors[id]?.acceptSome() else { return }
            self.acceptors[id]?.watch(false, on: self.inbox.events)
            self.acceptAgainAt = self.buffers.now + Acceptor.pause
            self.nextDeadline = min(self.nextDeadline, self.acceptAgainAt)
        }
    }

    /// Closing a listening socket drops its backlog, so this accepts the backlog of the former socket first. Does nothing
    /// but close the new socket once accepting has stopped.
    private mutating func replaceSocket(of listener: Int, with socket: consuming Descriptor) {
        for id in self.acceptors.ids where self.acceptors[id]?.index == listener {
            var roundsLeft = 100  // Clients may come faster than they are accepted.
            while roundsLeft > 0, case .somebodyMayBeLeft = self.acceptors[id]?.acceptSome() { roundsLeft -= 1 }
            do throws(SystemError) {
                try self.acceptors[id]?.replaceSocket(with: socket, on: self.inbox.events)
            } catch {
                self.context.logger.error("new listening socket cannot be used", metadata: ["reason": "\(error)"])
            }
            return
        }
    }

    /// The kernel drops connections that are not accepted when their listener closes; so all are that have come.
    private mutating func stopAccepting() {
        for id in self.acceptors.ids {
            var roundsLeft = 100  // Clients may come faster than they are taken.
            while roundsLeft > 0, case .somebodyMayBeLeft = self.acceptors[id]?.acceptSome() { roundsLeft -= 1 }
            _ = self.acceptors.remove(id)
        }
    }

    // MARK: Messages

    private mutating func receiveMessages() { if self.inbox.take(into: &self.messages) { self.handleMessages() } }

    private mutating func handleMessages() {
        defer { self.messages.removeAll(keepingCapacity: true) }
        for message in self.messages {
            switch message {
            case .run(let job):
                unsafe job.runSynchronously(on: self.inbox.asUnownedTaskExecutor())
            case .adopt(let socket, let admission, let listener):
                self.adopt(Descriptor(owning: socket), of: listener, admission)
            case .drop(let serial):
                if let id = self.unauthenticated[serial] { self.drop(id) }
            case .answer(let made, let serial, let id):
                guard self.clients.contains(id), let answer = made.take() else { continue }
                self.buffers.deferredOpenings = answer.openings
                self.clients[id]?.answerIsMade(serial, answer, &self.buffers)
                self.settle(id)
            case .replaceSocket(let socket, let listener):
                self.replaceSocket(of: listener, with: Descriptor(owning: socket))
            case .stopAccepting:
                self.stopAccepting()
            case .recognizeClients:
                self.recognizeClients()
            case .forgetClients:
                self.forgetClients()
            case .drain:
                self.drain()
            case .awaitEnd(let deadline, let reply):
                self.end = End(deadline: deadline, reply: reply)
                self.nextDeadline = min(self.nextDeadline, deadline)
                self.endIfEmpty()
            case .cutOff:
                self.cutOff()
            case .call(let body):
                body()
            case .stop:
                self.isStopped = true
            }
        }
    }

    private mutating func drain() {
        self.isDraining = true
        for id in self.clients.ids {
            self.clients[id]?.drain(now: self.buffers.now, grace: self.context.limits.drainGrace)
            self.settle(id)
        }
    }

    private mutating func endIfEmpty() {
        guard self.admittedCount == 0, let end = self.end.take() else { return }
        end.reply(0)
    }
}
