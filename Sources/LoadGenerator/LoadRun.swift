// SPDX-License-Identifier: Apache-2.0

package import Linux
package import LockedMemory
import Primitives

/// Sends requests to a server on a Unix socket as fast as it answers, on many connections and from one thread. Each
/// connection has one request in flight, and sends the next when that is answered.
///
/// A connection that breaks, or whose answer times out, counts as an error and is replaced. Nothing that is received is
/// stored.
package struct LoadRun: ~Copyable {
    /// What to run.
    package struct Plan: Sendable {
        /// When to stop: after a duration or a number of requests.
        package enum Extent: Sendable {
            case time(Interval)
            case requests(Int)
        }

        package var socketPath: String
        /// Also the number of requests in flight.
        package var connectionCount: Int
        package var extent: Extent

        package init(socketPath: String, connectionCount: Int, extent: Extent) {
            self.socketPath = socketPath
            self.connectionCount = connectionCount
            self.extent = extent
        }
    }

    private static let connectTimeout = Interval.seconds(5)
    /// Longer than any timeout of the server.
    private static let answerTimeout = Interval.seconds(30)
    /// Interval between checks for answers that time out.
    private static let pause = Interval.seconds(1)
    private static let reportPause = Interval.milliseconds(250)
    /// Never a ``SlotMap`` ID.
    private static let stopToken = UInt64.max

    private let plan: Plan
    private let stop: StopFlag
    private let events: EventQueue
    private var workload: Workload
    private var connections = SlotMap<LoadConnection>()
    /// For received bytes; empty between two turns.
    private var buffer: TransitBuffer
    private var report = LoadReport()
    private var requestsLeft: Int
    private var underWay = 0
    private var isOver = false
    private var server: OtherProcess?

    /// - Throws: ``SystemError`` if no event queue can be created.
    package init(
        _ plan: Plan, _ workload: consuming Workload, memory: SecretMemory, stop: StopFlag
    ) throws(SystemError) {
        let events = try EventQueue()
        try events.add(stop.wakeUp.descriptor, for: .input, token: Self.stopToken)
        self.events = events
        self.plan = plan
        self.workload = workload
        self.stop = stop
        self.buffer = TransitBuffer(capacity: 32 * 1024 - 64, in: memory)
        switch plan.extent {
        case .time: self.requestsLeft = .max
        case .requests(let count): self.requestsLeft = count
        }
    }

    /// Opens the connections, then sends requests until the plan is done, the flag is raised, or the server has
    /// stopped.
    ///
    /// - Parameter progress: called a few times per second.
    /// - Throws: ``SystemError`` if a connection cannot be opened, before the first request.
    package consuming func run(progress: (LoadReport) -> Void) throws(SystemError) -> LoadReport {
        for _ in 0..<self.plan.connectionCount { _ = try self.connect() }
        let start = Instant.now()
        let end: Instant
        switch self.plan.extent {
        case .time(let interval): end = start + interval
        case .requests: end = .distantFuture
        }
        let timeBefore = self.server?.processorTime
        var lookAt = start + Self.pause
        var reportAt = start + Self.reportPause
        var now = start
        var batch = EventQueue.Batch()
        for id in self.connections.ids { self.ask(id, now: now) }
        while !self.isOver, self.underWay > 0, now < end {
            self.events.wait(into: &batch, until: min(end, lookAt, reportAt))
            for index in 0..<batch.count { self.handle(batch[index]) }
            now = .now()
            if now >= lookAt {
                self.lookForLateAnswers(now: now)
                lookAt = now + Self.pause
            }
            if now >= reportAt {
                self.report.elapsed = now - start
                progress(self.report)
                reportAt = now + Self.reportPause
            }
        }
        self.report.elapsed = .now() - start
        if let timeBefore, let timeAfter = self.server?.processorTime {
            self.report.serverTime = .nanoseconds(timeAfter.nanoseconds - timeBefore.nanoseconds)
        }
        self.report.serverResidentByteCount = self.server?.residentByteCount
        return self.report
    }

    private mutating func handle(_ event: EventQueue.Event) {
        guard event.token != Self.stopToken else { return self.end(.stopped) }
        let id = SlotMap<LoadConnection>.ID(rawValue: event.token)
        if event.hasRoom, self.connections[id]?.hasUnsent == true { self.sendRest(id) }
        guard event.hasInput || event.hasFailed else { return }
        switch self.connections[id]?.receive(&self.buffer) {
        case nil, .waiting: break
        case .answered(let answer, let sentAt): self.take(answer, sentAt: sentAt, id)
        case .failed(let fault): self.replace(id, after: fault)
        }
    }

    private mutating func end(_ ending: LoadReport.Ending) {
        self.isOver = true
        self.report.ending = ending
    }

    // MARK: Requests

    private mutating func ask(_ id: SlotMap<LoadConnection>.ID, now: Instant) {
        guard self.requestsLeft > 0 else { return }
        self.requestsLeft -= 1
        self.underWay += 1
        let range = self.workload.next()
        let bytes = self.workload.bytes
        self.connections[id]?.begin(range, of: bytes.span, now: now)
        if self.connections[id]?.hasUnsent == true { self.adjustWatch(id) }
    }

    private mutating func sendRest(_ id: SlotMap<LoadConnection>.ID) {
        let bytes = self.workload.bytes
        self.connections[id]?.send(bytes.span)
        if self.connections[id]?.hasUnsent == false { self.adjustWatch(id) }
    }

    private mutating func take(_ answer: Answer, sentAt: Instant, _ id: SlotMap<LoadConnection>.ID) {
        let now = Instant.now()
        self.underWay -= 1
        self.report.count(answer, after: now - sentAt)
        if answer.closes { self.reconnect(id, now: now) } else { self.ask(id, now: now) }
    }

    private mutating func lookForLateAnswers(now: Instant) {
        for id in self.connections.ids {
            if let sentAt = self.connections[id]?.sentAt, sentAt + Self.answerTimeout <= now {
                self.replace(id, after: .timedOut)
            }
        }
    }

    // MARK: Connections

    private mutating func connect() throws(SystemError) -> SlotMap<LoadConnection>.ID {
        let socket = try Descriptor.connection(toSocketAt: self.plan.socketPath, timeout: Self.connectTimeout)
        let id = self.connections.insert(LoadConnection(socket))
        try self.connections[id]?.watch(on: self.events, token: id.rawValue)
        if self.server == nil { self.server = self.connections[id]?.peerProcessID.map { OtherProcess(id: $0) } }
        return id
    }

    private mutating func replace(_ id: SlotMap<LoadConnection>.ID, after fault: LoadReport.Fault) {
        if self.connections[id]?.sentAt != nil {
            self.report.count(fault)
            self.underWay -= 1
        }
        self.reconnect(id, now: .now())
    }

    private mutating func reconnect(_ id: SlotMap<LoadConnection>.ID, now: Instant) {
        _ = self.connections.remove(id)
        guard self.requestsLeft > 0 else { return }
        do throws(SystemError) {
            self.ask(try self.connect(), now: now)
        } catch {
            self.end(.noConnection(error))
        }
    }

    private mutating func adjustWatch(_ id: SlotMap<LoadConnection>.ID) {
        do throws(SystemError) {
            try self.connections[id]?.adjustWatch(on: self.events, token: id.rawValue)
        } catch {
            self.end(.noConnection(error))
        }
    }
}
