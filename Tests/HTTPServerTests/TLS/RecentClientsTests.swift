// SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import HTTPServer

@Suite struct RecentClientsTests {
    /// Has a client be active until it is let in.
    ///
    /// - Returns: who has left for it.
    private func admit(_ number: UInt64, to recent: inout RecentClients) -> RecentClients.ID? {
        while true {
            let (isAdmitted, former) = recent.meet(.init(rawValue: number))
            if isAdmitted { return former }
        }
    }

    @Test func whoeverHasBeenThereForLongestLeaves() {
        var recent = RecentClients()
        let leaving = (0..<20).map { self.admit($0, to: &recent) }
        let placeCount = leaving.prefix { $0 == nil }.count
        #expect((1..<20).contains(placeCount))
        #expect(leaving.dropFirst(placeCount).map(\.?.rawValue) == (0..<20).prefix(20 - placeCount).map(UInt64?.some))
    }

    @Test func ofManyMostAreNotLetIn() {
        var recent = RecentClients()
        let admittedCount = (0..<1_000).count { recent.meet(.init(rawValue: $0)).isAdmitted }
        #expect((1...100).contains(admittedCount))
    }
}
