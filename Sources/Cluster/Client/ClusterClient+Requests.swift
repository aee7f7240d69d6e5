// SPDX-License-Identifier: Apache-2.0

import CurlTransport
package import KeyService
package import LockedMemory
import Primitives
import Synchronization

/// Sends requests, as the core decides.
extension ClusterClient {
    /// Makes the body of a request, anew for each attempt, so that none waits in locked memory. Nil: there is none.
    package typealias Encoder = () throws(LockedMemoryError) -> SharedSecret?
    /// Takes in the body of a successful answer.
    package typealias Decoder = (Span<UInt8>) throws(AnswerFault) -> Void

    /// Asks for `operation` on `name` when there is room, and goes from endpoint to endpoint until one answers.
    ///
    /// - Parameters:
    ///   - avoided: endpoints to ask only if no other one can be asked, the least wanted last.
    ///   - decode: is called once for each successful answer, on the caller's executor; the last call counts.
    /// - Returns: the endpoint that has answered; nil if its position cannot be told.
    /// - Throws: `.overloaded` at once when the queue is full; `.unavailable`, `.timedOut`, `.outOfMemory`,
    ///   `.internalFailure`, and what the backend makes of a server's refusal.
    @discardableResult package func perform(
        _ operation: Operation, on name: String, avoiding avoided: [EndpointIndex] = [], encode: Encoder,
        decode: Decoder
    ) async throws(KeyServiceError) -> EndpointIndex? {
        let call = self.backend.call(operation, on: name)
        let terms = RequestTerms(isRepeatable: call.isRepeatable, avoided: avoided.map { Int($0.value) })
        let (id, work) = self.arrive(terms)
        return try await self.run(call, id, work.next, encode: encode, decode: decode)
    }

    /// Calls `make` again while there is no locked memory, for as long as a request may take.
    package func waitForMemory(
        _ make: () throws(LockedMemoryError) -> SharedSecret?
    ) async throws(KeyServiceError) -> SharedSecret? {
        let deadline = self.clock.now + self.options.timeout
        var backoff = Backoff.forMemory
        while true {
            do {
                return try make()
            } catch {
                guard self.clock.now < deadline else { throw .outOfMemory }
            }
            do {
                try await self.clock.sleep(until: self.clock.now + backoff.next(), tolerance: nil)
            } catch {
                throw .outOfMemory
            }
        }
    }

    // MARK: The driver

    func arrive(_ terms: RequestTerms) -> (id: ClusterCore.RequestID, work: PendingWork) {
        let now = self.clock.now
        let (id, work) = self.state.withLock { state in
            let (id, step) = state.core.arrive(terms, at: now)
            var work = PendingWork()
            work.next = state.next(step, of: id)
            work.isWakeUpEarlier = state.core.takeEarlierWakeUp()
            return (id, work)
        }
        if work.isWakeUpEarlier { self.wakeSignal.signal() }
        return (id, work)
    }

    /// Takes one step after the other, as the core says.
    func run(
        _ call: BackendCall, _ id: ClusterCore.RequestID, _ first: NextStep, encode: Encoder, decode: Decoder
    ) async throws(KeyServiceError) -> EndpointIndex? {
        var next = first
        while true {
            switch next {
            case .attempt(let attempt, let transport):
                do throws(AttemptFailure) {
                    let transfer = try self.transfer(call, attempt, encode: encode)
                    try await self.send(transfer, over: transport, decode: decode)
                } catch {
                    next = self.fail(call, id, attempt, error)
                    continue
                }
                self.succeed(call, id, attempt)
                return EndpointIndex(position: attempt.endpoint)
            case .wait(let waiter):
                next = await waiter.wait(ifCancelled: .cancelled)
            case .pause(let instant):
                do {
                    try await self.clock.sleep(until: instant.instant, tolerance: nil)
                } catch {
                    next = .cancelled
                    continue
                }
                next = self.handle(id) { core, now in core.resume(id, at: now) }
            case .cancelled:
                next = self.handle(id) { core, now in core.cancel(id, at: now) }
            case .end(let error):
                throw error
            }
        }
    }

    /// Encodes the request of one attempt. Nothing but the result holds its body, so that it ends before the answer is
    /// decoded.
    private func transfer(
        _ call: BackendCall, _ attempt: RequestAttempt, encode: Encoder
    ) throws(AttemptFailure) -> Transfer {
        let body: SharedSecret?
        do throws(LockedMemoryError) {
            body = try encode()
        } catch {
            throw .transfer(TransferFailure(.noMemory, reason: "", requestWasSent: false))
        }
        return Transfer(
            call, to: self.addresses[attempt.endpoint], body: body,
            bounds: self.backend.answerBounds(of: call.operation, bodyByteCount: body?.value.byteCount ?? 0),
            deadline: attempt.deadline, connectTimeout: attempt.connectTimeout)
    }

    /// Sends a request once, and judges the answer.
    func send(
        _ transfer: consuming Transfer, over transport: any ClusterTransport, decode: Decoder
    ) async throws(AttemptFailure) {
        let answer: TransferAnswer
        do throws(TransferFailure) {
            answer = try await transport.perform(transfer)
        } catch {
            throw .transfer(error)
        }
        let status = answer.status
        do throws(AnswerFault) {
            try answer.body.withBytes { body throws(AnswerFault) in
                try self.backend.check(status: status, body: body)
                try decode(body)
            }
        } catch {
            throw .answer(error)
        }
    }

    // MARK: Events

    private func succeed(_ call: BackendCall, _ id: ClusterCore.RequestID, _ attempt: RequestAttempt) {
        let now = self.clock.now
        let work = self.state.withLock { state in
            let effects = state.core.succeed(id, at: now)
            return state.pendingWork(for: effects)
        }
        self.metrics.ended(
            call.operation, at: attempt.endpoint, .succeeded, after: now - attempt.attempt.startedAt)
        self.finish(work)
    }

    private func fail(
        _ call: BackendCall, _ id: ClusterCore.RequestID, _ attempt: RequestAttempt, _ failure: AttemptFailure
    ) -> NextStep {
        let now = self.clock.now
        let work = self.state.withLock { state in
            let effects = state.core.fail(id, failure, at: now)
            return state.pendingWork(for: effects, of: id)
        }
        self.metrics.ended(
            call.operation, at: attempt.endpoint, work.outcome, after: now - attempt.attempt.startedAt)
        if let reason = work.unusableReason {
            self.report(
                .unusableAnswer(address: self.addresses[attempt.endpoint], call.operation, reason: reason))
        }
        self.finish(work)
        return work.next
    }

    private func handle(
        _ id: ClusterCore.RequestID,
        of event: (inout ClusterCore, ContinuousClock.Instant) -> ClusterEffects
    ) -> NextStep {
        let now = self.clock.now
        let work = self.state.withLock { state in
            state.forgetWaiter(of: id)
            let effects = event(&state.core, now)
            return state.pendingWork(for: effects, of: id)
        }
        self.finish(work)
        return work.next
    }

    /// Does the work that an event has left, except the next step of its own request.
    func finish(_ work: PendingWork) {
        for (waiter, next) in work.resumed { waiter.resolve(next) }
        switch work.change {
        case .up(let endpoint, let after, let isFlapping):
            self.report(.endpointUp(address: self.addresses[endpoint], after: after, isRepeated: isFlapping))
        case .down(let endpoint, let fault, let isFlapping):
            self.report(.endpointDown(address: self.addresses[endpoint], fault, isRepeated: isFlapping))
        case nil:
            break
        }
        if work.isWakeUpEarlier { self.wakeSignal.signal() }
    }
}
