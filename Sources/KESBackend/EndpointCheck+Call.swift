// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Cluster
import CurlTransport
import KESProtocol
import KeyService
import LockedMemory

/// One call of KES's API at one endpoint, without a cluster's retries.
extension EndpointCheck {
    typealias Decoder<Value: ~Copyable> = (Span<UInt8>, SecretMemory) throws(KESAnswer.Unusable) -> Value

    /// Why a call brought no answer to use.
    enum CallFailure: Error {
        case transfer(TransferFailure)
        /// A status of 400 or above.
        case refused(KESFailure)
        /// An answer that says it is a success, and is none.
        case unusable(KESAnswer.Unusable)
    }

    /// Sends `message` once, and reads the answer to it.
    func perform<Value: ~Copyable>(
        _ operation: Operation, _ name: String, _ message: some KESMessage, at address: String, decode: Decoder<Value>
    ) async throws(CallFailure) -> Value {
        let codec = KESCodec()
        let deadline = self.clock.now + self.timeout
        let body: SharedSecret?
        do throws(LockedMemoryError) {
            body = try KESCodec.encode(message, in: self.memory)
        } catch {
            throw .noMemory(requestWasSent: false)
        }
        let bounds = codec.answerBounds(of: operation, bodyByteCount: body?.value.byteCount ?? 0)
        let answer: TransferAnswer
        do throws(TransferFailure) {
            answer = try await self.transport.perform(
                Transfer(
                    codec.call(operation, on: name), to: address, body: body, bounds: bounds, deadline: deadline))
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
            return try answer.body.withBytes { body throws(KESAnswer.Unusable) in try decode(body, self.memory) }
        } catch {
            if case .unreadable(.memory) = error { throw .noMemory(requestWasSent: true) }
            throw .unusable(error)
        }
    }
}

extension EndpointCheck.CallFailure {
    fileprivate static func noMemory(requestWasSent: Bool) -> Self {
        .transfer(TransferFailure(.noMemory, reason: "", requestWasSent: requestWasSent))
    }
}
