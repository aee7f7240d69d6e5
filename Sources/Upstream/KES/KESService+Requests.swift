// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Curl
import KESProtocol
import KeyService
import LockedMemory
import Synchronization

/// How a request gets its answer.
extension KESService {
    /// As much as KES's own client reads.
    static let answerByteCountMax = 1 << 20

    typealias Decoder<Value: ~Copyable> = (Span<UInt8>, SecretMemory) throws(KESAnswer.Unusable) -> Value

    /// Asks for `operation` on `name` when there is room.
    func ask<Value: ~Copyable>(
        _ operation: KESEndpoint, _ name: String, _ message: borrowing some KESMessage & ~Copyable,
        decode: Decoder<Value>
    ) async throws(KeyServiceError) -> Value {
        let deadline = self.clock.now + self.options.timeout
        try await self.slots.enter()
        defer { self.slots.leave() }
        return try await self.travel(operation, name, message, deadline: deadline, decode: decode)
    }

    /// Goes from endpoint to endpoint until one answers. The caller has a slot.
    ///
    /// - Parameter trace: notes whom it asks, and has noted whom not to.
    func travel<Value: ~Copyable>(
        _ operation: KESEndpoint, _ name: String, _ message: borrowing some KESMessage & ~Copyable,
        deadline: ContinuousClock.Instant, trace: HedgeTrace? = nil, decode: Decoder<Value>
    ) async throws(KeyServiceError) -> Value {
        let path = operation.path(naming: name)
        var course = RequestCourse(
            operation, options: self.options, startedAt: self.clock.now, deadline: deadline, avoiding: trace?.avoided)
        while true {
            let now = self.clock.now
            switch self.state.withLock({ $0.next(course, at: now) }) {
            case .attempt(let attempt, let transport):
                trace?.note(attempt.endpoint)
                let deadline = course.deadline(of: attempt)
                do throws(AttemptFailure) {
                    let value = try await self.perform(
                        Call(operation: operation, address: self.addresses[attempt.endpoint], path: path),
                        message, over: transport, deadline: deadline, decode: decode)
                    self.end(attempt, operation, .healthy, .succeeded)
                    return value
                } catch {
                    try self.fail(error, attempt, operation, until: deadline, on: &course)
                }
            case .wait(let waiter):
                self.doorbell.ring()
                guard await waiter.wait(ifCancelled: false) else { throw course.error ?? .unavailable }
                course.startOver()
            case .end:
                throw course.error ?? .unavailable
            }
        }
    }

    /// Takes in a failure.
    ///
    /// - Throws: what the caller is told, if the request does not go on.
    private func fail(
        _ failure: AttemptFailure, _ attempt: EndpointAttempt, _ operation: KESEndpoint,
        until deadline: ContinuousClock.Instant, on course: inout RequestCourse
    ) throws(KeyServiceError) {
        let wasPatient = deadline - attempt.startedAt >= self.options.connectTimeout
        let verdict = failure.verdict(wasPatient: wasPatient)
        let isOutdated = self.end(attempt, operation, verdict.health, verdict.outcome)
        if case .unusable(let fault) = failure {
            self.report(.unusableAnswer(address: self.addresses[attempt.endpoint], operation, fault))
        }
        let goesOn = course.fail(
            verdict, at: isOutdated || failure.isOfRetiredTransport ? nil : attempt.endpoint,
            leftNoTrace: failure.leftNoTrace, now: self.clock.now)
        guard goesOn else { throw verdict.error }
    }

    /// Notes what came of an attempt, and does what follows.
    ///
    /// - Returns: whether the endpoint failed and came back meanwhile.
    @discardableResult func end(
        _ attempt: EndpointAttempt, _ operation: KESEndpoint, _ health: EndpointAttempt.Outcome,
        _ outcome: UpstreamOutcome
    ) -> Bool {
        let now = self.clock.now
        let aftermath = self.state.withLock { $0.end(attempt, health, at: now) }
        self.metrics.ended(operation, at: attempt.endpoint, outcome, after: now - attempt.startedAt)
        for waiter in aftermath.rescued { waiter.tell(true) }
        switch aftermath.change {
        case .up(let endpoint, let after, let isFlapping):
            self.report(.endpointUp(address: self.addresses[endpoint], after: after, isRepeated: isFlapping))
        case .down(let endpoint, let fault, let isFlapping):
            self.report(.endpointDown(address: self.addresses[endpoint], fault, isRepeated: isFlapping))
        case nil:
            break
        }
        if health != .healthy { self.doorbell.ring() }
        return aftermath.isOutdated
    }
}

// MARK: One attempt

extension KESService {
    /// What is asked of whom.
    struct Call {
        let operation: KESEndpoint
        let address: String
        let path: String
    }

    /// Sends one request and reads its answer.
    func perform<Value: ~Copyable>(
        _ call: Call, _ message: borrowing some KESMessage & ~Copyable, over transport: any KESTransport,
        deadline: ContinuousClock.Instant, decode: Decoder<Value>
    ) async throws(AttemptFailure) -> Value {
        let answer = try await self.send(call, try self.encode(message), over: transport, deadline: deadline)
        let status = answer.status
        guard status == 200 else {
            throw status < 400
                ? .unusable(.unexpectedStatus(status))
                : .refused(answer.body.withBytes { KESFailure(status: status, body: $0) })
        }
        do throws(KESAnswer.Unusable) {
            return try answer.body.withBytes { body throws(KESAnswer.Unusable) in try decode(body, self.memory) }
        } catch {
            if case .unreadable(.memory) = error { throw .noMemory }
            throw .unusable(error)
        }
    }

    private func send(
        _ call: Call, _ body: consuming Secret?, over transport: any KESTransport, deadline: ContinuousClock.Instant
    ) async throws(AttemptFailure) -> TransferAnswer {
        do throws(TransferFailure) {
            return try await transport.perform(
                Transfer(
                    call.operation.transferMethod, call.address, call.path, body: body,
                    answerByteCountMax: Self.answerByteCountMax, deadline: deadline,
                    isRepeatable: call.operation.isRepeatable))
        } catch {
            throw .transfer(error)
        }
    }

    /// Writes a body to the memory that it leaves from.
    private func encode(_ message: borrowing some KESMessage & ~Copyable) throws(AttemptFailure) -> Secret? {
        let byteCount = message.byteCount
        guard byteCount > 0 else { return nil }
        do throws(LockedMemoryError) {
            var body = try Secret(byteCount: byteCount, in: self.memory)
            body.fill { output in message.encode(into: &output) }
            return body
        } catch {
            throw .noMemory
        }
    }
}

extension AttemptFailure {
    fileprivate static var noMemory: Self {
        .transfer(TransferFailure(.noMemory, reason: "", requestWasSent: false))
    }

    /// Whether the credentials were replaced just before the request left: it goes on with the new ones.
    fileprivate var isOfRetiredTransport: Bool {
        if case .transfer(let failure) = self { failure.kind == .retired } else { false }
    }
}

extension KESEndpoint {
    /// What KES's own client sends: servers of every age take it.
    var transferMethod: Transfer.Method {
        switch self.method {
        case .get: .get
        case .put: .post
        case .delete: .delete
        }
    }
}
