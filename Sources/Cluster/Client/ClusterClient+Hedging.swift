// SPDX-License-Identifier: Apache-2.0

package import KeyService
package import LockedMemory
import Primitives
import Synchronization

/// Requests that go to a second endpoint too where the first takes unusually long. The first answer counts.
extension ClusterClient {
    package typealias SharedEncoder = @Sendable () throws(LockedMemoryError) -> SharedSecret?
    package typealias SecretDecoder = @Sendable (Span<UInt8>) throws(AnswerFault) -> Secret

    /// Whether ``performHedged(_:on:encode:decode:)`` may ask a second endpoint.
    package var isHedging: Bool { self.options.isHedging && self.addresses.count > 1 }

    /// As ``perform(_:on:avoiding:encode:decode:)`` for an operation whose answer is a secret. `encode` and `decode` may be
    /// called by two tasks at the same time.
    package func performHedged(
        _ operation: Operation, on name: String, encode: @escaping SharedEncoder, decode: @escaping SecretDecoder
    ) async throws(KeyServiceError) -> Decryption {
        let call = self.backend.call(operation, on: name)
        let (id, work) = self.arrive(RequestTerms(isRepeatable: call.isRepeatable, isHedged: true))
        guard let delay = self.state.withLock({ $0.core.hedgeDelay }) else {
            return try await self.answer(call, id, work.next, encode: encode, decode: decode)
        }
        let result = await withTaskGroup(of: HedgeResult.self) { group in
            group.addTask {
                await self.result(of: call, id, work.next, encode: encode, decode: decode)
            }
            group.addTask { await self.hedge(call, id, after: delay, encode: encode, decode: decode) }
            while let result = await group.next() {
                if case .none = result { continue }
                group.cancelAll()
                return result
            }
            return .failed(.unavailable)
        }
        switch result {
        case .answered(let box):
            guard let decryption = box.take() else { throw .internalFailure }
            return decryption
        case .failed(let error): throw error
        case .none: throw .unavailable
        }
    }

    private enum HedgeResult: Sendable {
        /// A task group cannot return what cannot be copied.
        case answered(SingleUseBox<Decryption>)
        case failed(KeyServiceError)
        /// The second request was not sent, or has failed.
        case none
    }

    private func hedge(
        _ call: BackendCall, _ id: ClusterCore.RequestID, after delay: Duration, encode: SharedEncoder,
        decode: SecretDecoder
    ) async -> HedgeResult {
        try? await self.clock.sleep(until: self.clock.now + delay, tolerance: nil)
        guard !Task.isCancelled else { return .none }
        let now = self.clock.now
        let second = self.state.withLock { state in
            state.core.hedge(id, at: now).map { ($0.id, state.next(.attempt($0.attempt), of: $0.id)) }
        }
        guard let (id, next) = second else { return .none }
        let result = await self.result(of: call, id, next, encode: encode, decode: decode)
        if case .answered = result { return result }
        return .none
    }

    private func result(
        of call: BackendCall, _ id: ClusterCore.RequestID, _ next: NextStep, encode: SharedEncoder,
        decode: SecretDecoder
    ) async -> HedgeResult {
        do throws(KeyServiceError) {
            return .answered(
                SingleUseBox(try await self.answer(call, id, next, encode: encode, decode: decode)))
        } catch {
            return .failed(error)
        }
    }

    private func answer(
        _ call: BackendCall, _ id: ClusterCore.RequestID, _ next: NextStep, encode: SharedEncoder, decode: SecretDecoder
    ) async throws(KeyServiceError) -> Decryption {
        var plaintext: Secret?
        let endpoint = try await self.run(call, id, next, encode: encode) { body throws(AnswerFault) in
            plaintext = try decode(body)
        }
        guard let plaintext = plaintext.take() else { throw .internalFailure }
        return Decryption(plaintext, endpoint: endpoint)
    }
}
