// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KeyCache

@Suite struct ExpiryPolicyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let unused: Int
        let offline: Int
        let age: Int
        let idle: Int
        let freshness: ExpiryPolicy.Freshness

        init(_ unused: Int, _ offline: Int, age: Int, idle: Int, _ freshness: ExpiryPolicy.Freshness) {
            self.unused = unused
            self.offline = offline
            self.age = age
            self.idle = idle
            self.freshness = freshness
        }

        var testDescription: String {
            "unused \(self.unused), offline \(self.offline), age \(self.age), idle \(self.idle): \(self.freshness)"
        }
    }

    /// In nanoseconds, with `any` = 100.
    @Test(arguments: [
        Case(0, 0, age: 0, idle: 0, .fresh),
        Case(0, 0, age: 100, idle: 100, .fresh),
        Case(0, 0, age: 101, idle: 0, .expired),
        Case(0, 50, age: 101, idle: 0, .stale),
        Case(0, 50, age: 150, idle: 150, .stale),
        Case(0, 50, age: 151, idle: 0, .expired),
        Case(30, 0, age: 100, idle: 30, .fresh),
        Case(30, 0, age: 100, idle: 31, .expired),
        Case(30, 50, age: 100, idle: 31, .stale),
        Case(30, 50, age: 101, idle: 30, .stale),
        Case(30, 50, age: 150, idle: 150, .stale),
        Case(30, 50, age: 151, idle: 0, .expired),
        // Longer than `any`: it never matters.
        Case(500, 0, age: 100, idle: 100, .fresh),
        Case(500, 0, age: 101, idle: 101, .expired),
    ])
    func oneFunctionDecides(_ testCase: Case) {
        let policy = ExpiryPolicy(
            any: TimeSpan(nanoseconds: 100), unused: TimeSpan(nanoseconds: testCase.unused),
            offline: TimeSpan(nanoseconds: testCase.offline))
        let freshness = policy.freshness(
            age: TimeSpan(nanoseconds: testCase.age), idle: TimeSpan(nanoseconds: testCase.idle))
        #expect(freshness == testCase.freshness)
    }

    @Test(
        "the last use is known to a second, or to a quarter of what it decides",
        arguments: zip([0, 1, 3, 4, 60], [1_000, 250, 750, 1_000, 1_000]))
    func useGranularity(unused: Int, milliseconds: Int) {
        let policy = ExpiryPolicy(any: .seconds(300), unused: .seconds(unused), offline: .zero)
        #expect(policy.useGranularity == TimeSpan(nanoseconds: milliseconds * 1_000_000))
    }

    @Test(arguments: zip([Duration.zero, .nanoseconds(7), .milliseconds(1_500), .seconds(86_400)], [0, 0, 1, 86_400]))
    func aDurationIsASpan(duration: Duration, seconds: Int) {
        #expect(TimeSpan(duration).wholeSeconds == seconds)
        #expect(Duration.nanoseconds(TimeSpan(duration).nanoseconds) == duration)
    }
}
