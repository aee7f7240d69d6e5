// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import Linux
import LockedMemory
import Logging
import Slots

/// One thread's share of a server's clients, from the start of the thread to its end.
struct ServerLoop: ~Copyable {
    /// What all loops of a server have in common.
    struct Premises: Sendable {
        let front: any Front
        let limits: ServerLimits
        let connections: ConnectionCount
        let namings: RequestNamings
        let memory: SecretMemory
        let logger: Logger
    }

    private let premises: Premises
    private let inbox: LoopInbox
    private var acceptor: Acceptor?
    private var clients = Slots<Client>()
    private var desk: Client.Desk
    /// No deadline is nearer. Most are only put off, which costs nothing here: a look at them that comes too early finds
    /// nothing to do.
    private var nextDeadline = Instant.distantFuture
    private var acceptAgainAt = Instant.distantFuture
    private var admittedCount = 0
    private var isDraining = false
    private var end: End?
    private var isStopped = false

    private struct End {
        let deadline: Instant
        let reply: @Sendable (Int) -> Void
    }

    init(_ premises: Premises, inbox: LoopInbox, acceptor: consuming Acceptor?) {
        self.premises = premises
        self.inbox = inbox
        self.acceptor = acceptor
        self.desk = Client.Desk(memory: premises.memory)
    }

    /// Serves until it is told to stop.
    mutating func run() {
        var batch = EventQueue.Batch()
        while !self.isStopped {
            self.inbox.events.wait(into: &batch, until: self.nextDeadline)
            self.desk.now = .now()
            for index in 0..<batch.count { self.handle(batch[index]) }
            if self.desk.now >= self.nextDeadline { self.lookAtDeadlines() }
        }
        self.receiveMessages()  // So that nobody waits for a reply.
        self.cutOff()
    }

    private mutating func handle(_ event: EventQueue.Event) {
        switch event.token {
        case LoopInbox.token:
            self.receiveMessages()
        case Acceptor.token:
            self.accept()
        case let token:
            let id = Slots<Client>.ID(rawValue: token)
            guard self.clients.contains(id) else { return }
            if self.clients[id].handle(event, &self.desk) { self.settle(id) } else { self.remove(id) }
        }
    }

    // MARK: Clients

    private mutating func adopt(_ socket: consuming Descriptor, isAdmitted: Bool) {
        let premises = self.premises
        var connection = Connection(
            front: premises.front, limits: premises.limits, naming: premises.namings.next(), memory: premises.memory,
            logger: premises.logger, now: self.desk.now)
        if self.isDraining { connection.drain(now: self.desk.now) }
        if isAdmitted {
            self.admittedCount += 1
        } else {
            connection.turnAway(
                with: premises.front.refusal(.serviceUnavailable, "too many connections"), &self.desk.writer,
                now: self.desk.now)
        }
        let id = self.clients.insert(
            Client(socket: socket, connection: connection, isAdmitted: isAdmitted, memory: premises.memory))
        do throws(SystemError) {
            try self.clients[id].watch(on: self.inbox.events, token: id.rawValue)
            self.settle(id)
        } catch {
            self.premises.logger.warning("connection cannot be served", metadata: ["reason": "\(error)"])
            self.remove(id)
        }
    }

    /// Has a client do what it waits for, and goes on waiting for it.
    private mutating func settle(_ id: Slots<Client>.ID) {
        let (inbox, memory) = (self.inbox, self.premises.memory)
        let isOpen = self.clients[id]
            .settle(&self.desk) { deferred in
                Task {
                    var writer = ResponseWriter(in: memory)
                    writer.begin(deferred.frame)
                    await deferred.answer(&writer)
                    inbox.post(.answer(MadeAnswer(writer), serial: deferred.serial, to: id))
                }
            }
        guard isOpen, self.clients[id].adjustWatch(on: self.inbox.events, token: id.rawValue) else {
            self.remove(id)
            return
        }
        self.nextDeadline = min(self.nextDeadline, self.clients[id].deadline)
    }

    private mutating func remove(_ id: Slots<Client>.ID) {
        self.desk.clear()
        let isAdmitted = self.clients.remove(id).isAdmitted
        self.inbox.hasLost()
        guard isAdmitted else { return }
        self.premises.connections.leave()
        self.admittedCount -= 1
        self.endIfEmpty()
    }

    private mutating func cutOff() { for id in self.clients.ids { self.remove(id) } }

    // MARK: Time

    private mutating func lookAtDeadlines() {
        self.nextDeadline = .distantFuture
        if self.acceptAgainAt <= self.desk.now {
            self.acceptAgainAt = .distantFuture
            self.acceptor?.watch(true, on: self.inbox.events)
        }
        if let end = self.end, end.deadline <= self.desk.now {
            self.end = nil
            end.reply(self.admittedCount)
            self.cutOff()
        }
        for id in self.clients.ids {
            if self.clients[id].deadline <= self.desk.now {
                self.clients[id].timeIsUp(&self.desk)
                self.settle(id)
            } else {
                self.nextDeadline = min(self.nextDeadline, self.clients[id].deadline)
            }
        }
        self.nextDeadline = min(self.nextDeadline, self.acceptAgainAt, self.end?.deadline ?? .distantFuture)
    }

    // MARK: Accepting

    private mutating func accept() {
        guard case .unable? = self.acceptor?.acceptSome() else { return }
        self.acceptor?.watch(false, on: self.inbox.events)
        self.acceptAgainAt = self.desk.now + Acceptor.pause
        self.nextDeadline = min(self.nextDeadline, self.acceptAgainAt)
    }

    /// The kernel drops connections that are not accepted when their listener closes; so all are that have come.
    private mutating func stopAccepting() {
        var roundsLeft = 100  // Clients may come faster than they are taken.
        while roundsLeft > 0, case .somebodyMayBeLeft? = self.acceptor?.acceptSome() { roundsLeft -= 1 }
        self.acceptor = nil
    }

    // MARK: Messages

    private mutating func receiveMessages() {
        for message in self.inbox.takeAll() {
            switch message {
            case .adopt(let socket, let isAdmitted):
                self.adopt(Descriptor(owning: socket), isAdmitted: isAdmitted)
            case .answer(let made, let serial, let id):
                guard self.clients.contains(id) else { continue }
                self.clients[id].answerIsMade(serial, made.writer, &self.desk)
                self.settle(id)
            case .stopAccepting:
                self.stopAccepting()
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
            self.clients[id].drain(now: self.desk.now)
            self.settle(id)
        }
    }

    private mutating func endIfEmpty() {
        guard self.admittedCount == 0, let end = self.end.take() else { return }
        end.reply(0)
    }
}
