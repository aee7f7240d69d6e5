// SPDX-License-Identifier: Apache-2.0

import Authorization
import Cryptography
import Primitives
import TestSupport

/// Rules as a person would write them down, and read them.
struct PlainRules: CustomStringConvertible {
    /// The policies of the one who asks, each with what it allows and denies.
    let policies: [(allow: [String], deny: [String])]
    let isAdministrator: Bool
    let asker = Sample.identity(7)

    var gate: Gate {
        let compiled = self.policies.enumerated()
            .map { index, policy in
                Policy(
                    name: "\(index)", allow: policy.allow.map(PathPattern.init), deny: policy.deny.map(PathPattern.init)
                )
            }
        return Gate(
            policies: compiled, bindings: compiled.map { (.identity(self.asker), $0.name) },
            administrators: self.isAdministrator ? [.identity(self.asker)] : [])
    }

    func allows(_ path: String) -> Bool {
        if self.isAdministrator { return true }
        if self.policies.contains(where: { $0.deny.contains { Self.matches($0, path) } }) { return false }
        return self.policies.contains { $0.allow.contains { Self.matches($0, path) } }
    }

    private static func matches(_ pattern: String, _ path: String) -> Bool {
        if pattern.isEmpty { return false }
        if pattern.hasSuffix("*") { return path.hasPrefix(String(pattern.dropLast())) }
        return pattern == path
    }

    var description: String { "\(self.policies), administrator: \(self.isAdministrator)" }
}

/// Makes rules and paths of few parts, so that they meet often.
struct RulesWorld {
    private var random: SeededGenerator

    init(seed: UInt64) { self.random = SeededGenerator(seed: seed) }

    mutating func makeRules() -> PlainRules {
        PlainRules(
            policies: (0..<Int.random(in: 0...3, using: &self.random))
                .map { _ in
                    (allow: self.makePatterns(atMost: 5), deny: self.makePatterns(atMost: 2))
                },
            isAdministrator: Int.random(in: 0..<20, using: &self.random) == 0)
    }

    mutating func makePath() -> String {
        let parts = (0..<Int.random(in: 1...4, using: &self.random))
            .map { _ in self.pick(["v1", "key", "a", "ab", "*", ""]) }
        return "/" + parts.joined(separator: "/")
    }

    private mutating func makePatterns(atMost count: Int) -> [String] {
        (0..<Int.random(in: 0...count, using: &self.random))
            .map { _ in
                let path = self.makePath()
                switch Int.random(in: 0..<8, using: &self.random) {
                case 0: return ""
                case 1: return self.pick(["*", "/*", "/v1/*"])
                case 2...4: return path.prefix(Int.random(in: 0...path.count, using: &self.random)) + "*"
                case _: return path
                }
            }
    }

    private mutating func pick(_ words: [String]) -> String {
        words[Int.random(in: words.indices, using: &self.random)]
    }
}
