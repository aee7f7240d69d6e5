// SPDX-License-Identifier: Apache-2.0

import KeyService
import Testing

@testable import KeyCache

@Suite struct PendingFillsTests {
    @Test("what was purged meanwhile is not kept", arguments: ["a", "b", nil] as [String?])
    func purge(name: String?) {
        var fills = PendingFills()
        let (first, second) = (fills.begin(.named("a")), fills.begin(.named("b")))
        fills.purge(name.map(KeyName.named))
        let after = fills.begin(.named("a"))
        #expect(fills.end(first) == (name == "b"))
        #expect(fills.end(second) == (name == "a"))
        #expect(fills.end(after) == true)
    }

    @Test("a fill ends once")
    func endsOnce() {
        var fills = PendingFills()
        let fill = fills.begin(.named("a"))
        #expect(fills.end(fill) == true)
        #expect(fills.end(fill) == false)
    }
}
