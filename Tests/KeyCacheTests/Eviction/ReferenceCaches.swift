// SPDX-License-Identifier: Apache-2.0

@testable import KeyCache

/// Which requests of a trace are hits: with the cache as it is, and with others beside it.
enum ReferenceCache: CaseIterable {
    case ours
    case leastRecentlyUsed
    /// Belady's: it knows what comes and lets go of what is not needed for the longest time.
    case optimal

    func hits(of trace: Trace, capacity: Int) -> [Bool] {
        switch self {
        case .ours: Self.hitsOfOurs(trace, capacity)
        case .leastRecentlyUsed: Self.hits(trace, capacity) { _, position in -position }
        case .optimal: Self.hits(trace, capacity) { nextUse, _ in nextUse }
        }
    }

    private static func hitsOfOurs(_ trace: Trace, _ capacity: Int) -> [Bool] {
        let policy = ExpiryPolicy(any: .seconds(100_000_000), unused: .zero, offline: .zero)
        var core = CacheCore<Int>(capacity: capacity, policy: policy)
        var fingerprints: [Int: Fingerprint] = [:]
        return trace.requests.map { request in
            let fingerprint = fingerprints[request.object] ?? .number(request.object)
            fingerprints[request.object] = fingerprint
            let now = BootTime.milliseconds(request.milliseconds)
            if core.lookUp(fingerprint, of: .named("a"), at: now, isOutOfReach: { false }) != .none { return true }
            _ = core.fill(
                fingerprint, .named("a"), byteCount: 32, agreement: .unopposed, by: nil, askedAt: now, at: now)
            return false
        }
    }

    /// Lets go of what has the highest rank.
    ///
    /// - Parameter rank: of an object that is used next at one position of the trace and was used last at another.
    private static func hits(_ trace: Trace, _ capacity: Int, rank: (Int, Int) -> Int) -> [Bool] {
        var nextUses = Array(repeating: Int.max, count: trace.requests.count)
        var upcoming: [Int: Int] = [:]
        for (position, request) in trace.requests.enumerated().reversed() {
            nextUses[position] = upcoming[request.object] ?? .max
            upcoming[request.object] = position
        }
        var ranks: [Int: Int] = [:]
        var heap = Heap()
        return trace.requests.enumerated()
            .map { position, request in
                let isHit = ranks[request.object] != nil
                if !isHit, ranks.count == capacity {
                    while let first = heap.removeFirst() {
                        // What was used since stands there again.
                        guard ranks[first.object] == first.rank else { continue }
                        ranks[first.object] = nil
                        break
                    }
                }
                let rank = rank(nextUses[position], position)
                ranks[request.object] = rank
                heap.insert(Heap.Element(rank: rank, object: request.object))
                return isHit
            }
    }
}

/// The highest rank first.
private struct Heap {
    struct Element {
        let rank: Int
        let object: Int
    }

    private var elements: [Element] = []

    mutating func insert(_ element: Element) {
        self.elements.append(element)
        var index = self.elements.count - 1
        while index > 0, self.elements[(index - 1) / 2].rank < self.elements[index].rank {
            self.elements.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func removeFirst() -> Element? {
        guard let first = self.elements.first, let last = self.elements.popLast() else { return nil }
        guard !self.elements.isEmpty else { return first }
        self.elements[0] = last
        var index = 0
        while true {
            var highest = index
            for child in [2 * index + 1, 2 * index + 2] where child < self.elements.count {
                if self.elements[child].rank > self.elements[highest].rank { highest = child }
            }
            guard highest != index else { return first }
            self.elements.swapAt(index, highest)
            index = highest
        }
    }
}
