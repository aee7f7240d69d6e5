// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import KESProtocol
package import KeyService
import LockedMemory
import Primitives
import Synchronization

/// How a request gets its answer.
extension KESService {
    /// Asks for `operation` on `name` when there is room. The body is encoded anew for each attempt, so that none waits in
    /// locked memory.
    func ask<Value: ~Copyable>(
        _ operation: Operation, _ name: String, _ message: borrowing some KESMessage & ~Copyable,
        decode: KESCall.Decoder<Value>
    ) async throws(KeyServiceError) -> Value {
        var answering = -1
        return try await self.ask(operation, name, message, answering: &answering, decode: decode)
    }

    /// - Parameters:
    ///   - avoided: as ``RetryState`` takes them.
    ///   - answering: becomes the endpoint that answers.
    func ask<Value: ~Copyable>(
        _ operation: Operation, _ name: String, _ message: borrowing some KESMessage & ~Copyable,
        avoiding avoided: [Int] = [], answering: inout Int, decode: KESCall.Decoder<Value>
    ) async throws(KeyServiceError) -> Value {
        let deadline = self.clock.now + self.options.timeout
        if !self.limiter.enterImmediately() { try await self.limiter.enter() }
        defer { self.limiter.leave() }
        return try await self.attempt(
            operation, name, message, deadline: deadline, avoiding: avoided, answering: &answering, decode: decode)
    }

    /// Asks for `operation` on `name` with a body that is encoded already, for messages whose secret has ended.
    func ask<Value: ~Copyable>(
        _ operation: Operation, _ name: String, body: SharedSecret?, decode: KESCall.Decoder<Value>
    ) async throws(KeyServiceError) -> Value {
        let deadline = self.clock.now + self.options.timeout
        if !self.limiter.enterImmediately() { try await self.limiter.enter() }
        defer { self.limiter.leave() }
        var answering = -1
        return try await self.attempt(operation, name, deadline: deadline, answering: &answering) {
            call, transport throws(AttemptFailure) in
            try await call.perform(body: body, over: transport, memory: self.memory, decode: decode)
        }
    }

    /// Goes from endpoint to endpoint until one answers. The caller has a slot.
    ///
    /// - Parameters:
    ///   - trace: notes whom it asks, and has noted whom not to.
    ///   - avoided: as ``RetryState`` takes them.
    ///   - answering: becomes the endpoint that answers.
    func attempt<Value: ~Copyable>(
        _ operation: Operation, _ name: String, _ message: borrowing some KESMessage & ~Copyable,
        deadline: ContinuousClock.Instant, trace: HedgedEndpoint? = nil, avoiding avoided: [Int] = [],
        answering: inout Int, decode: KESCall.Decoder<Value>
    ) async throws(KeyServiceError) -> Value {
        try await self.attempt(
            operation, name, deadline: deadline, trace: trace, avoiding: avoided, answering: &answering
        ) { call, transport throws(AttemptFailure) in
            try await call.perform(message, over: transport, memory: self.memory, decode: decode)
        }
    }

    private func attempt<Value: ~Copyable>(
        _ operation: Operation, _ name: String, deadline: ContinuousClock.Instant, trace: HedgedEndpoint? = nil,
        avoiding avoided: [Int] = [], answering: inout Int,
        attempt perform: (KESCall, any KESTransport) async throws(AttemptFailure) -> Value
    ) async throws(KeyServiceError) -> Value {
        let path = operation.path(naming: name)
        var now = self.clock.now
        var retries = RetryState(
            operation, options: self.options, startedAt: now, deadline: deadline, excluding: trace?.avoided,
            avoiding: avoided)
        while true {
            switch self.state.withLock({ $0.next(retries, at: now) }) {
            case .attempt(let attempt, let transport):
                trace?.note(attempt.endpoint)
                let deadline = retries.deadline(of: attempt)
                do throws(AttemptFailure) {
                    let call = KESCall(
                        operation, at: self.addresses[attempt.endpoint], path: path, deadline: deadline,
                        connectTimeout: retries.connectTimeout(of: attempt))
                    let value = try await perform(call, transport)
                    self.end(attempt, operation, .healthy, .succeeded)
                    answering = attempt.endpoint
                    return value
                } catch {
                    try await self.fail(error, attempt, operation, until: deadline, on: &retries)
                }
            case .wait(let waiter):
                self.wakeSignal.signal()
                guard await waiter.wait(ifCancelled: false) else { throw retries.error ?? .unavailable }
                retries.startOver()
            case .end:
                guard retries.admitAvoided() else { throw retries.error ?? .unavailable }
            }
            now = self.clock.now
        }
    }

    /// Takes in a failure. Where this process lacked something, waits a little for it to come back.
    ///
    /// - Throws: what the caller is told, if the request does not go on.
    private func fail(
        _ failure: AttemptFailure, _ attempt: EndpointAttempt, _ operation: Operation,
        until deadline: ContinuousClock.Instant, on retries: inout RetryState
    ) async throws(KeyServiceError) {
        let hadFullTime = deadline - attempt.startedAt >= self.options.connectTimeout
        let verdict = failure.verdict(hadFullTime: hadFullTime)
        let isOutdated = self.end(attempt, operation, verdict.health, verdict.outcome)
        if case .unusable(let fault) = failure { self.reportUnusable(of: fault, from: attempt.endpoint, operation) }
        let next = retries.fail(
            verdict, at: isOutdated || failure.isOfRetiredTransport ? nil : attempt.endpoint,
            leftNoTrace: failure.leftNoTrace, now: self.clock.now)
        switch next {
        case .retry:
            return
        case .retryAfter(let pause):
            do {
                try await self.clock.sleep(until: self.clock.now + pause, tolerance: nil)
            } catch {
                throw verdict.error
            }
        case .giveUp:
            throw verdict.error
        }
    }

    package func countWrongPlaintext(by endpoint: EndpointIndex) {
        let index = Int(endpoint.value)
        guard self.addresses.indices.contains(index) else { return }
        let now = self.clock.now
        let (count, isDue) = self.state.withLock { state in
            state.wrongPlaintextCounts[index, default: 0] += 1
            let isDue = state.contradictionReports.isDue(for: index, at: now)
            return (state.wrongPlaintextCounts[index] ?? 0, isDue)
        }
        if isDue { self.report(.wrongPlaintext(address: self.addresses[index], count: count)) }
    }

    /// Tells of an answer that is none, once in a while for each endpoint.
    private func reportUnusable(of fault: KESAnswer.Unusable, from endpoint: Int, _ operation: Operation) {
        let now = self.clock.now
        guard self.state.withLock({ $0.unusableReports.isDue(for: endpoint, at: now) }) else { return }
        self.report(.unusableAnswer(address: self.addresses[endpoint], operation, fault))
    }

    /// Notes what came of an attempt, and does what follows.
    ///
    /// - Returns: whether the endpoint failed and came back meanwhile.
    @discardableResult func end(
        _ attempt: EndpointAttempt, _ operation: Operation, _ health: EndpointAttempt.Outcome,
        _ outcome: UpstreamOutcome
    ) -> Bool {
        let now = self.clock.now
        let effects = self.state.withLock { $0.end(attempt, health, at: now) }
        self.metrics.ended(operation, at: attempt.endpoint, outcome, after: now - attempt.startedAt)
        for waiter in effects.resumed { waiter.resolve(true) }
        switch effects.change {
        case .up(let endpoint, let after, let isFlapping):
            self.report(.endpointUp(address: self.addresses[endpoint], after: after, isRepeated: isFlapping))
        case .down(let endpoint, let fault, let isFlapping):
            self.report(.endpointDown(address: self.addresses[endpoint], fault, isRepeated: isFlapping))
        case nil:
            break
        }
        // A failure may hasten probes, and the end of one makes room for another.
        if health != .healthy || attempt.isProbe { self.wakeSignal.signal() }
        return effects.isOutdated
    }
}

extension AttemptFailure {
    /// Whether the credentials were replaced just before the request left: it goes on with the new ones.
    fileprivate var isOfRetiredTransport: Bool {
        if case .transfer(let failure) = self { failure.kind == .retired } else { false }
    }
}
