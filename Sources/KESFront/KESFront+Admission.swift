// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import HTTPMessages
import HTTPServer
import KESProtocol
import KeyService
import LockedMemory
import Primitives

/// Admission control for locked memory: a request reserves its maximum in one step, first come, first served. A request
/// that has to wait is a suspended task and fails at its own timeout.
extension KESFront {
    /// Has a deferred answer wait for its memory, which is given back when the answer is in the writer.
    ///
    /// - Parameter byteCount: of the client's body.
    func admit(
        _ endpoint: Operation, bodyOf byteCount: Int, _ answer: @escaping DeferredAnswer
    ) -> DeferredAnswer {
        let amount = endpoint.lockedByteCountMax(forBodyOf: byteCount)
        guard amount > 0 else { return answer }
        return { writer in
            do throws(KESFailure) {
                let reservation = try await self.reserve(amount, forBodyOf: byteCount, at: endpoint)
                await answer(&writer)
                _ = consume reservation
            } catch {
                writer.write(Response(error, at: endpoint))
            }
        }
    }

    /// The same for a request that holds a secret. It is decoded at once where there is memory for it; else the body is kept
    /// until there is.
    ///
    /// - Throws: the answer to a body that cannot be read.
    func admit<Request: ~Copyable & Sendable>(
        _ endpoint: Operation, body: Span<UInt8>,
        decoding decode: @escaping @Sendable (Span<UInt8>, SecretMemory) throws(KESFailure) -> Request,
        _ answer: @escaping @Sendable (consuming Request, inout ResponseWriter) async -> Void
    ) throws(KESFailure) -> DeferredAnswer {
        let amount = endpoint.lockedByteCountMax(forBodyOf: body.count)
        if let reservation = self.admission(forBodyOf: body.count).reserveImmediately(amount) {
            do throws(KESFailure) {
                let request = SingleUseBox(try decode(body, self.memory))
                let reservation = SingleUseBox(reservation)
                return { writer in
                    guard let request = request.take() else { return }
                    await answer(request, &writer)
                    _ = reservation.take()
                }
            } catch {
                guard error == .outOfMemory else { throw error }
            }
        }
        let byteCount = body.count
        var copy = TransitBuffer(in: self.memory)
        copy.append(body)
        let kept = SingleUseBox(copy)
        return { writer in
            guard let body = kept.take() else { return }
            do throws(KESFailure) {
                let reservation = try await self.reserve(amount, forBodyOf: byteCount, at: endpoint)
                await answer(try await self.decode(body, decode, at: endpoint), &writer)
                _ = consume reservation
            } catch {
                writer.write(Response(error, at: endpoint))
            }
        }
    }

    private func admission(forBodyOf byteCount: Int) -> AdmissionControl {
        byteCount > Operation.smallBodyByteCount ? self.longAdmission : self.smallAdmission
    }

    private func reserve(
        _ amount: Int, forBodyOf byteCount: Int, at endpoint: Operation
    ) async throws(KESFailure) -> Reservation {
        let admission = self.admission(forBodyOf: byteCount)
        do throws(AdmissionRefusal) {
            return try await admission.reserve(amount)
        } catch {
            throw KESFailure(error, amount: amount, capacity: admission.capacity, at: endpoint)
        }
    }

    /// Decodes as soon as there is memory: what other requests hold without a reservation is soon over.
    private func decode<Request: ~Copyable>(
        _ body: consuming TransitBuffer, _ decode: (Span<UInt8>, SecretMemory) throws(KESFailure) -> Request,
        at endpoint: Operation
    ) async throws(KESFailure) -> Request {
        var tries = MemoryRetry(within: endpoint)
        while true {
            do throws(KESFailure) {
                return try body.withBytes { bytes throws(KESFailure) in try decode(bytes, self.memory) }
            } catch {
                guard error == .outOfMemory, await tries.waitForNext() else { throw error }
            }
        }
    }

    /// Runs `body`, and retries with backoff while it throws `.outOfMemory`, until the operation's timeout.
    static func whenThereIsMemory<Answer: ~Copyable>(
        at endpoint: Operation, _ body: () async throws(KeyServiceError) -> Answer
    ) async throws(KeyServiceError) -> Answer {
        var tries = MemoryRetry(within: endpoint)
        while true {
            do throws(KeyServiceError) {
                return try await body()
            } catch {
                guard error == .outOfMemory, await tries.waitForNext() else { throw error }
            }
        }
    }
}

/// The tries of a request that is refused memory, within the time that a request has.
private struct MemoryRetry {
    private let deadline: ContinuousClock.Instant
    private var backoff = Backoff.forMemory

    /// Ends in time for the answer to say what was lacking.
    init(within endpoint: Operation) { self.deadline = .now + .seconds(endpoint.timeoutInSeconds - 1) }

    /// - Returns: false if there is no time left, or the task is cancelled.
    mutating func waitForNext() async -> Bool {
        guard ContinuousClock.now < self.deadline else { return false }
        do {
            try await Task.sleep(for: self.backoff.next())
            return true
        } catch {
            return false
        }
    }
}

extension KESFailure {
    fileprivate init(_ refusal: AdmissionRefusal, amount: Int, capacity: Int, at endpoint: Operation) {
        switch refusal {
        case .tooLarge:
            self.init(
                status: 413,
                message:
                    "the request needs \(amount >> 10) KiB of locked memory; the agent has \(capacity >> 10) KiB for "
                    + "requests. Increase the agent's memory.locked_max and LimitMEMLOCK=")
        case .queueFull:
            self.init(.overloaded, at: endpoint)
        case .cancelled:
            self.init(.timedOut, at: endpoint)
        }
    }
}
