// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KeyCache

/// How many hits there are in traces of requests, beside the least recently used and Belady's optimum. Prints a table.
@Suite struct EvictionTests {
    private static let capacity = 1_000

    private struct Ratios {
        let ours: Double
        let leastRecentlyUsed: Double
        let optimal: Double
    }

    /// In percent.
    ///
    /// - Parameter isCounted: by the request's position.
    private static func ratios(
        _ name: String, _ trace: Trace, of isCounted: (Int) -> Bool = { _ in true }
    ) -> Ratios {
        let positions = trace.requests.indices.filter(isCounted)
        func ratio(_ cache: ReferenceCache) -> Double {
            let hits = cache.hits(of: trace, capacity: self.capacity)
            return Double(positions.count { hits[$0] }) / Double(positions.count) * 100
        }
        let ratios = Ratios(
            ours: ratio(.ours), leastRecentlyUsed: ratio(.leastRecentlyUsed), optimal: ratio(.optimal))
        func cell(_ ratio: Double) -> String { String(String("\((ratio * 10).rounded() / 10)      ").prefix(6)) }
        print(
            "eviction | \(String((name + String(repeating: " ", count: 60)).prefix(60)))",
            cell(ratios.ours), cell(ratios.leastRecentlyUsed), cell(ratios.optimal), separator: " | ")
        return ratios
    }

    @Test("a skewed popularity", arguments: [0.7, 0.9, 1.1])
    func zipf(skew: Double) {
        var trace = Trace(seed: 1)
        trace.ask(Zipf(objectCount: 10_000, skew: skew), times: 60_000)
        let ratios = Self.ratios("Zipf \(skew)", trace)
        #expect(ratios.ours >= ratios.leastRecentlyUsed - 1)
        #expect(ratios.ours <= ratios.optimal)
    }

    @Test("a scan alone: the first decrypt of each object is a miss, and the others are hits")
    func scan() {
        var trace = Trace(seed: 2)
        trace.scan(0..<10 * Self.capacity)
        let ratios = Self.ratios("scan", trace)
        #expect(ratios.ours == ratios.optimal)
    }

    @Test("a loop that is a little longer than the cache")
    func loop() {
        var trace = Trace(seed: 3)
        for _ in 1...20 { for object in 0..<Self.capacity * 6 / 5 { trace.ask(object, then: 10) } }
        let ratios = Self.ratios("loop of 1.2 times the capacity", trace)
        #expect(ratios.ours >= ratios.leastRecentlyUsed)
    }

    @Test("a skewed popularity with scans in between")
    func zipfWithScans() {
        var trace = Trace(seed: 4)
        let popularity = Zipf(objectCount: 10_000, skew: 0.9)
        var scans: [Range<Int>] = []
        for round in 0..<5 {
            trace.ask(popularity, times: 10_000)
            let start = trace.requests.count
            trace.scan(100_000 + round * 5_000..<105_000 + round * 5_000)
            scans.append(start..<trace.requests.count)
        }
        trace.ask(popularity, times: 10_000)
        let ratios = Self.ratios("Zipf 0.9 with scans, without the scans' own", trace) { position in
            !scans.contains { $0.contains(position) }
        }
        #expect(ratios.ours >= ratios.leastRecentlyUsed)
    }

    enum Meanwhile: CaseIterable {
        case nothing, hotRequests
    }

    @Test(
        "a scan of ten times the capacity leaves the hot set where it was",
        arguments: Meanwhile.allCases, [Self.capacity / 2, Self.capacity * 8 / 10])
    func hotSet(meanwhile: Meanwhile, hotCount: Int) {
        let hot = 0..<hotCount
        var trace = Trace(seed: 5)
        for _ in 1...5 { trace.askAll(hot) }
        let before = trace.requests.count
        trace.askAll(hot)
        let scanned = trace.requests.count
        let popularity = Zipf(objectCount: hot.count, skew: 0)
        trace.scan(100_000..<100_000 + 10 * Self.capacity) { trace in
            if meanwhile == .hotRequests { trace.ask(trace.object(of: popularity), then: 10) }
        }
        let after = trace.requests.count
        trace.askAll(hot)
        let name = "hot set of \(hotCount), \(meanwhile == .nothing ? "idle" : "asked for") while a scan passes"
        let ratiosBefore = Self.ratios(name + ", before", trace) { (before..<scanned).contains($0) }
        let ratiosAfter = Self.ratios(name + ", after", trace) { $0 >= after }
        #expect(ratiosAfter.ours >= ratiosBefore.ours - 5)
    }
}
