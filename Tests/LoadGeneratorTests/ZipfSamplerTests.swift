// SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import LoadGenerator

@Suite struct ZipfSamplerTests {
    private static func counts(_ sampler: ZipfSampler, ranks: Int, draws: Int, seed: UInt64 = 1) -> [Int] {
        var numbers = SeededGenerator(seed: seed)
        var counts = [Int](repeating: 0, count: ranks)
        for _ in 0..<draws { counts[sampler.draw(from: &numbers)] += 1 }
        return counts
    }

    struct Law: Sendable {
        let exponent: Double
        /// What each of four ranks is drawn in proportion to.
        let weights: [Double]
    }

    static let laws = [
        Law(exponent: 0, weights: [1, 1, 1, 1]), Law(exponent: 1, weights: [12, 6, 4, 3]),
        Law(exponent: 2, weights: [144, 36, 16, 9]),
    ]

    @Test(arguments: laws, [UInt64(1), 2, 3])
    func everyRankGetsItsShare(law: Law, seed: UInt64) {
        let draws = 200_000
        let sampler = ZipfSampler(count: 4, exponent: law.exponent)
        let counts = Self.counts(sampler, ranks: 4, draws: draws, seed: seed)
        let sum = law.weights.reduce(0, +)
        for (count, weight) in zip(counts, law.weights) {
            let expected = Double(draws) * weight / sum
            // Five standard deviations.
            #expect(abs(Double(count) - expected) < 5 * expected.squareRoot(), "\(counts)")
        }
    }

    @Test func aMultitudeOfRanksFollowsTheLawToo() {
        let ranks = 10_000
        let counts = Self.counts(ZipfSampler(count: ranks, exponent: 1), ranks: ranks, draws: 1_000_000)
        // The first hundred have H(100) / H(10000) of all draws.
        let share = Double(counts[..<100].reduce(0, +)) / 1_000_000
        #expect(abs(share - 5.1874 / 9.7876) < 0.003)
        #expect(counts[5000...].reduce(0, +) > 0)
    }

    @Test func theSameSeedDrawsTheSame() {
        let sampler = ZipfSampler(count: 100, exponent: 0.9)
        var (first, second) = (SeededGenerator(seed: 7), SeededGenerator(seed: 7))
        #expect((0..<1000).allSatisfy { _ in sampler.draw(from: &first) == sampler.draw(from: &second) })
    }

    @Test(arguments: [0, 1, 100.0])
    func oneRankIsDrawnAlways(exponent: Double) {
        #expect(Self.counts(ZipfSampler(count: 1, exponent: exponent), ranks: 1, draws: 100) == [100])
    }
}
