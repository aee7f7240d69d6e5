// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import KeyService
import LockedMemory
import Synchronization

/// When a decrypt has taken so long that a second endpoint is asked too: longer than all but one of a hundred do.
///
/// A budget bounds the cost: where everything has become slow, asking twice would make it slower.
final class Hedging: Sendable {
    /// Latencies that count, the youngest.
    private static let windowCount = 256
    /// The 99th percentile is looked up anew so often.
    private static let period = 64
    private static let shortestDelay = Duration.milliseconds(1)
    /// What each request adds to the budget, in hedges, and the most there can be.
    private static let allowance = 0.05
    private static let budgetMax = 10.0

    private struct State {
        var window: [Duration] = []
        var position = 0
        var sinceSorted = 0
        var budget = 1.0
        var delay: Duration?
    }

    private let state = Mutex(State())

    /// How long to wait for the first answer; nil before enough is known.
    var delay: Duration? { self.state.withLock(\.delay) }

    /// Takes in how long an answer took.
    func note(_ latency: Duration) {
        self.state.withLock { state in
            state.budget = min(state.budget + Self.allowance, Self.budgetMax)
            if state.window.count < Self.windowCount {
                state.window.append(latency)
            } else {
                state.window[state.position] = latency
            }
            state.position = (state.position + 1) % Self.windowCount
            state.sinceSorted += 1
            guard state.sinceSorted == Self.period else { return }
            state.sinceSorted = 0
            state.delay = max(Self.shortestDelay, state.window.sorted()[state.window.count * 99 / 100])
        }
    }

    /// Whether one more hedge is within the budget.
    func spend() -> Bool {
        self.state.withLock { state in
            guard state.budget >= 1 else { return false }
            state.budget -= 1
            return true
        }
    }
}

/// Which endpoint the first of two requests is at, so that the second goes elsewhere.
final class HedgedEndpoint: Sendable {
    private let endpoint = Atomic(-1)
    /// The endpoint not to ask.
    let avoided: Int?

    init(avoiding avoided: Int? = nil) { self.avoided = avoided }

    func note(_ endpoint: Int) { self.endpoint.store(endpoint, ordering: .relaxed) }

    var noted: Int? {
        let endpoint = self.endpoint.load(ordering: .relaxed)
        return endpoint < 0 ? nil : endpoint
    }
}

extension KESService {
    private enum HedgeResult: Sendable {
        case answered(Taken)
        case failed(KeyServiceError)
        /// The second request: not sent, or of no use.
        case nothing
    }

    /// Carries an answer out of a task group, which cannot return what cannot be copied.
    private final class Taken: Sendable {
        private let decryption: Mutex<Decryption?>

        init(_ plaintext: consuming Secret, from endpoint: Int) {
            self.decryption = Mutex(Decryption(plaintext, endpoint: EndpointIndex(position: endpoint)))
        }

        func take() -> Decryption? { self.decryption.withLock { $0.take() } }
    }

    /// Asks one endpoint and, if it takes unusually long, another. The first answer counts.
    func decrypt(
        _ name: KeyName, _ request: KESRequest.Decrypt, hedging: Hedging
    ) async throws(KeyServiceError) -> Decryption {
        let begin = self.clock.now
        let deadline = begin + self.options.timeout
        try await self.limiter.enter()
        defer { self.limiter.leave() }
        let first = HedgedEndpoint()
        let result = await withTaskGroup(of: HedgeResult.self) { group in
            group.addTask { await self.first(name, request, deadline: deadline, trace: first) }
            if let delay = hedging.delay {
                group.addTask {
                    await self.second(name, request, after: delay, hedging, deadline: deadline, trace: first)
                }
            }
            while let result = await group.next() {
                if case .nothing = result { continue }
                group.cancelAll()
                return result
            }
            return .failed(.unavailable)
        }
        switch result {
        case .answered(let taken):
            hedging.note(self.clock.now - begin)
            guard let decryption = taken.take() else { throw .internalFailure }
            return decryption
        case .failed(let error): throw error
        case .nothing: throw .unavailable
        }
    }

    private func first(
        _ name: KeyName, _ request: KESRequest.Decrypt, deadline: ContinuousClock.Instant, trace: HedgedEndpoint
    ) async -> HedgeResult {
        do throws(KeyServiceError) {
            var endpoint = -1
            let plaintext = try await self.attempt(
                .decrypt, name.description, request, deadline: deadline, trace: trace, answering: &endpoint,
                decode: Self.plaintext)
            return .answered(Taken(plaintext, from: endpoint))
        } catch {
            return .failed(error)
        }
    }

    /// Takes only room that is free: hedges must not make anybody wait.
    private func second(
        _ name: KeyName, _ request: KESRequest.Decrypt, after delay: Duration, _ hedging: Hedging,
        deadline: ContinuousClock.Instant, trace: HedgedEndpoint
    ) async -> HedgeResult {
        try? await self.clock.sleep(until: self.clock.now + delay, tolerance: nil)
        guard !Task.isCancelled, hedging.spend(), self.limiter.enterImmediately() else { return .nothing }
        defer { self.limiter.leave() }
        do throws(KeyServiceError) {
            var endpoint = -1
            let plaintext = try await self.attempt(
                .decrypt, name.description, request, deadline: deadline, trace: HedgedEndpoint(avoiding: trace.noted),
                answering: &endpoint, decode: Self.plaintext)
            return .answered(Taken(plaintext, from: endpoint))
        } catch {
            return .nothing
        }
    }
}
