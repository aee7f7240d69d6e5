// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Cluster

/// Clusters under more load than they have places for, that fail and recover as the seed says, and rules that hold at every
/// step.
@Suite struct ClusterCoreSimulation {
    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func theRulesHoldWhateverHappens(seed: UInt64) {
        let world = ClusterWorld(seed: seed)
        for step in 1...800 {
            world.step()
            guard let broken = world.brokenRule else { continue }
            Issue.record("seed \(seed), step \(step): \(broken)")
            return
        }
        #expect(world.queuedMost > 0, "seed \(seed): nothing ever waited for a place")
    }

    @Test("every request ends, and leaves nothing behind", arguments: 1...100 as ClosedRange<UInt64>)
    func everyRequestEnds(seed: UInt64) {
        let world = ClusterWorld(seed: seed)
        for _ in 1...500 { world.step() }
        world.settle()
        #expect(world.brokenRule == nil)
        #expect(world.isEmpty, "seed \(seed)")
    }
}
