// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Which allocations a test has refused, one round each.
package enum AllocationRounds {
    /// Numbers of allocations for ``AllocationFaults/begin(refusing:)``.
    ///
    /// Each of the first 100 and of the last 100 alone, in between every 31st alone; and all from every 101st on, which
    /// is a lack of memory that lasts. 31 and 101 are prime, so that they do not keep step with what repeats in a
    /// handshake. With the variable `EVERY_ALLOCATION`, each number in both ways.
    ///
    /// - Parameter count: the allocations of an undisturbed round.
    package static func ranges(upTo count: Int) -> [Range<Int>] {
        let isComplete = unsafe getenv("EVERY_ALLOCATION") != nil
        return (1...count)
            .flatMap { number -> [Range<Int>] in
                let isAlone = isComplete || number <= 100 || number > count - 100 || number % 31 == 0
                let isFirstOfMany = isComplete || number % 101 == 1
                return (isAlone ? [number..<number + 1] : []) + (isFirstOfMany ? [number..<Int.max] : [])
            }
    }

    /// Writes to standard error, which a test reads that runs rounds in a process of its own.
    package static func report(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
    }
}
