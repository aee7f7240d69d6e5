// SPDX-License-Identifier: Apache-2.0

import KeyService
import Testing

@testable import KeyCache

@Suite struct AbsentKeysTests {
    private static let name = KeyName.named("a")

    @Test("for a second from when the key server was asked")
    func lifetime() {
        var keys = AbsentKeys()
        keys.insert(Self.name, askedAt: .milliseconds(1_000), keys.snapshot, at: .milliseconds(1_400))
        #expect(keys.contains(Self.name, at: .milliseconds(1_999)) == true)
        #expect(keys.contains(.named("b"), at: .milliseconds(1_999)) == false)
        #expect(keys.contains(Self.name, at: .milliseconds(2_000)) == false)
    }

    @Test("an answer that took longer counts no more")
    func slowAnswers() {
        var keys = AbsentKeys()
        keys.insert(Self.name, askedAt: .milliseconds(1_000), keys.snapshot, at: .milliseconds(2_000))
        #expect(keys.contains(Self.name, at: .milliseconds(1_500)) == false)
    }

    enum Creation: CaseIterable {
        case ofThisKey, ofAnother, unknown
    }

    @Test("a creation ends it, and no answer from before it counts", arguments: Creation.allCases)
    func creation(_ creation: Creation) {
        var keys = AbsentKeys()
        keys.insert(Self.name, askedAt: .seconds(1), keys.snapshot, at: .seconds(1))
        let snapshot = keys.snapshot
        switch creation {
        case .ofThisKey: keys.remove(Self.name)
        case .ofAnother: keys.remove(.named("b"))
        case .unknown: keys.removeAll()
        }
        #expect(keys.contains(Self.name, at: .seconds(1)) == (creation == .ofAnother))
        keys.removeAll()
        keys.insert(Self.name, askedAt: .seconds(1), snapshot, at: .seconds(1))
        #expect(keys.contains(Self.name, at: .seconds(1)) == false)
    }

    @Test("names that clients make up take no more room than this, and make room when their time has passed")
    func bound() {
        var keys = AbsentKeys()
        for number in 0...AbsentKeys.countMax {
            keys.insert(.named("\(number)"), askedAt: .seconds(1), keys.snapshot, at: .seconds(1))
        }
        #expect(keys.contains(.named("\(AbsentKeys.countMax - 1)"), at: .seconds(1)) == true)
        #expect(keys.contains(.named("\(AbsentKeys.countMax)"), at: .seconds(1)) == false)
        keys.insert(Self.name, askedAt: .seconds(2), keys.snapshot, at: .seconds(2))
        #expect(keys.contains(Self.name, at: .seconds(2)) == true)
    }
}
