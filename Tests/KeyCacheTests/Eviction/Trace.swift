// SPDX-License-Identifier: Apache-2.0

import Glibc
import Primitives
import TestSupport

@testable import KeyCache

/// Which objects are asked for, one after the other, and when.
struct Trace {
    struct Request {
        let object: Int
        let milliseconds: Int
    }

    private(set) var requests: [Request] = []
    private var milliseconds = 1_000_000
    private var lots: SeededGenerator

    init(seed: UInt64) { self.lots = SeededGenerator(seed: seed) }

    /// Asks for an object, and so many milliseconds pass.
    mutating func ask(_ object: Int, then milliseconds: Int) {
        self.requests.append(Request(object: object, milliseconds: self.milliseconds))
        self.milliseconds += milliseconds
    }

    /// As an object store reads a bucket: each object once, with three to five decrypts within milliseconds.
    ///
    /// - Parameter between: after each object.
    mutating func scan(_ objects: Range<Int>, between: (inout Trace) -> Void = { _ in }) {
        for object in objects {
            for _ in 0..<Int.random(in: 3...5, using: &self.lots) { self.ask(object, then: 1) }
            between(&self)
        }
    }

    mutating func ask(_ popularity: Zipf, times: Int) {
        for _ in 0..<times { self.ask(popularity.object(&self.lots), then: 10) }
    }

    /// Asks for each of them, in a new order.
    mutating func askAll(_ objects: Range<Int>) {
        for object in objects.shuffled(using: &self.lots) { self.ask(object, then: 10) }
    }

    mutating func object(of popularity: Zipf) -> Int { popularity.object(&self.lots) }
}

/// Object number n is asked for as often as 1 / (n + 1)^skew says.
struct Zipf {
    private let sums: [Double]

    init(objectCount: Int, skew: Double) {
        var sum = 0.0
        self.sums = (1...objectCount)
            .map { rank in
                sum += pow(Double(rank), -skew)
                return sum
            }
    }

    func object(_ lots: inout SeededGenerator) -> Int {
        let lot = Double.random(in: 0..<(self.sums.last ?? 0), using: &lots)
        var (low, high) = (0, self.sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if self.sums[middle] > lot { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
