// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import KeyCache

/// Worlds that do as the seed says, and rules that hold after every step.
///
/// A failure names seed and step. `KEYSIDE_SEED=N` repeats one seed alone, `KEYSIDE_STEPS=N` goes on for longer:
///
/// ```sh
/// KEYSIDE_SEED=17 KEYSIDE_STEPS=100000 swift test --filter CacheSimulation
/// ```
@Suite struct CacheSimulation {
    private static let seeds = Self.number("KEYSIDE_SEED").map { $0...$0 } ?? 1...300
    private static let stepCount = Self.number("KEYSIDE_STEPS").map { Int($0) } ?? 800

    private static func number(_ variable: String) -> UInt64? {
        getenv(variable).flatMap { UInt64(String(cString: $0)) }
    }

    @Test("every answer is the right one, and none is too old", arguments: Self.seeds)
    func theRulesHoldWhateverHappens(seed: UInt64) {
        if let broken = Self.run(seed, planted: nil) { Issue.record("\(broken)") }
    }

    @Test("the rules find what is planted", arguments: PlantedBug.allCases)
    func plantedBugsAreCaught(bug: PlantedBug) {
        let caught = (1...240).lazy.compactMap { Self.run($0, planted: bug) }.first
        #expect(caught != nil)
        print("\(bug): \(caught?.description ?? "not caught")")
    }

    @Test("everything happens in it")
    func liveliness() {
        var sum = CacheStatistics()
        var (continuations, unopened, undecided) = (0, 0, 0)
        for seed in UInt64(1)...200 {
            var world = CacheWorld(seed: seed)
            for _ in 1...Self.stepCount { world.step() }
            sum += world.shell.statistics
            continuations += world.counts.continuations
            undecided += world.undecided.count
            unopened += world.shell.unopened.fresh + world.shell.unopened.stale
        }
        print("\(sum), \(continuations) continuations, \(unopened) unopened, \(undecided) undecided")
        let counts = [
            sum.hits, sum.misses, sum.coalesced, sum.stale, sum.absent, sum.renewals.succeeded, sum.renewals.refused,
            sum.renewals.failed, sum.evictions.capacity, sum.evictions.expired, sum.evictions.purged,
            sum.evictions.contradicted, sum.contradictions, continuations, unopened, undecided,
        ]
        #expect(counts.allSatisfy { $0 > 0 }, "\(counts)")
    }

    struct Broken: CustomStringConvertible {
        let seed: UInt64
        let step: Int
        let rule: String

        var description: String { "seed \(self.seed), step \(self.step): \(self.rule)" }
    }

    private static func run(_ seed: UInt64, planted: PlantedBug?) -> Broken? {
        var world = CacheWorld(seed: seed, planted: planted)
        for step in 1...self.stepCount {
            world.step()
            if let rule = world.brokenRule { return Broken(seed: seed, step: step, rule: rule) }
        }
        world.settle()
        return world.brokenRule.map { Broken(seed: seed, step: self.stepCount + 1, rule: $0) }
    }
}
