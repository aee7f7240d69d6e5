// SPDX-License-Identifier: Apache-2.0

/// After how long a second endpoint is asked too: the 99th percentile of the last latencies. No I/O, no clock.
///
/// A budget bounds the cost: where everything has become slow, asking twice would make it slower.
struct Hedging: Sendable {
    /// How many of the last latencies count.
    private static let windowCount = 256
    /// Latencies between two computations of the percentile.
    private static let period = 64
    private static let shortestDelay = Duration.milliseconds(1)
    /// What each answer adds to the budget, in hedges, and the largest budget.
    private static let allowance = 0.05
    private static let budgetMax = 10.0

    private var window: [Duration] = []
    private var position = 0
    private var sinceSorted = 0
    private var budget = 1.0
    /// How long to wait for the first answer; nil before enough is known.
    private(set) var delay: Duration?

    /// Whether one more hedge is within the budget.
    var isAffordable: Bool { self.budget >= 1 }

    /// Takes one hedge from the budget.
    mutating func spend() { self.budget -= 1 }

    /// Records how long an answer took.
    mutating func note(_ latency: Duration) {
        self.budget = min(self.budget + Self.allowance, Self.budgetMax)
        if self.window.count < Self.windowCount {
            self.window.append(latency)
        } else {
            self.window[self.position] = latency
        }
        self.position = (self.position + 1) % Self.windowCount
        self.sinceSorted += 1
        guard self.sinceSorted == Self.period else { return }
        self.sinceSorted = 0
        self.delay = max(Self.shortestDelay, self.window.sorted()[self.window.count * 99 / 100])
    }
}
