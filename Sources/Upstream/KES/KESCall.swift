// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import CurlTransport
import KESProtocol
import KeyService
import LockedMemory

/// One call of KES's API at one endpoint: asked once, and what comes back is judged.
struct KESCall {
    typealias Decoder<Value: ~Copyable> = (Span<UInt8>, SecretMemory) throws(KESAnswer.Unusable) -> Value

    let operation: Operation
    let address: String
    let path: String
    let deadline: ContinuousClock.Instant
    let connectTimeout: Duration?

    init(
        _ operation: Operation, at address: String, path: String, deadline: ContinuousClock.Instant,
        connectTimeout: Duration? = nil
    ) {
        self.operation = operation
        self.address = address
        self.path = path
        self.deadline = deadline
        self.connectTimeout = connectTimeout
    }

    /// Sends `message`, and reads the answer to it.
    func perform<Value: ~Copyable>(
        _ message: borrowing some KESMessage & ~Copyable, over transport: any KESTransport, memory: SecretMemory,
        decode: Decoder<Value>
    ) async throws(AttemptFailure) -> Value {
        try await self.perform(
            body: try Self.encode(message, in: memory), over: transport, memory: memory, decode: decode)
    }

    /// Sends a body that is encoded already, and reads the answer to it.
    ///
    /// - Parameter body: ends before the answer is decoded, unless the caller keeps it.
    func perform<Value: ~Copyable>(
        body: consuming SharedSecret?, over transport: any KESTransport, memory: SecretMemory, decode: Decoder<Value>
    ) async throws(AttemptFailure) -> Value {
        let answer: TransferAnswer
        do throws(TransferFailure) {
            answer = try await transport.perform(self.transfer(of: body))
        } catch {
            throw error.kind == .answerTooLarge ? .unusable(.tooLarge) : .transfer(error)
        }
        let status = answer.status
        guard status == 200 else {
            throw status < 400
                ? .unusable(.unexpectedStatus(status))
                : .refused(answer.body.withBytes { KESFailure(status: status, body: $0) })
        }
        do throws(KESAnswer.Unusable) {
            return try answer.body.withBytes { body throws(KESAnswer.Unusable) in try decode(body, memory) }
        } catch {
            if case .unreadable(.memory) = error { throw .noMemory }
            throw .unusable(error)
        }
    }

    private func transfer(of body: consuming SharedSecret?) -> Transfer {
        let byteCount = body?.value.byteCount ?? 0
        return Transfer(
            self.operation.transferMethod, self.address, self.path, body: body, contentType: "application/json",
            answerByteCountMax: self.operation.answerByteCountMax(toBodyOf: byteCount),
            answerByteCountExpected: self.operation.answerByteCountExpected(toBodyOf: byteCount),
            answerIsSecret: self.operation.answersSecret,
            deadline: self.deadline, connectTimeout: self.connectTimeout, isRepeatable: self.operation.isRepeatable)
    }

    /// Writes a body to the memory that it leaves from. An empty one is none.
    static func encode(
        _ message: borrowing some KESMessage & ~Copyable, in memory: SecretMemory
    ) throws(AttemptFailure) -> SharedSecret? {
        let byteCount = message.byteCount
        guard byteCount > 0 else { return nil }
        do throws(LockedMemoryError) {
            var body = try Secret(byteCount: byteCount, in: memory)
            body.fill { output in message.encode(into: &output) }
            return SharedSecret(body)
        } catch {
            throw .noMemory
        }
    }
}

/// The body of a request that has none.
struct NoBody: KESMessage {
    func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {}
}

extension AttemptFailure {
    fileprivate static var noMemory: Self {
        .transfer(TransferFailure(.noMemory, reason: "", requestWasSent: false))
    }
}

extension Operation {
    /// What KES's own client sends: servers of every age take it.
    var transferMethod: Transfer.Method {
        switch self.method {
        case .get: .get
        case .put: .post
        case .delete: .delete
        }
    }
}
