// SPDX-License-Identifier: Apache-2.0

import KeyService

/// Keys that the key server has just said it does not have. An object store that is set up with a wrong name asks for it
/// again and again.
struct AbsentKeys {
    /// Short, since somebody may be creating the key at this moment without our knowing.
    static let lifetime = TimeSpan.seconds(1)
    /// Names come from clients.
    static let countMax = 1024

    private var until: [KeyName: BootTime] = [:]
    private var creations = 0

    /// What is known at the moment when the key server is asked.
    struct Snapshot { fileprivate let creations: Int }

    var snapshot: Snapshot { Snapshot(creations: self.creations) }

    mutating func contains(_ name: KeyName, at now: BootTime) -> Bool {
        guard let until = self.until[name] else { return false }
        if now < until { return true }
        self.until[name] = nil
        return false
    }

    /// The key server has no such key.
    ///
    /// - Parameters:
    ///   - askedAt: when it was asked. From then on it counts.
    ///   - witness: of that moment. Keys that were created since may have been this one.
    mutating func insert(_ name: KeyName, askedAt: BootTime, _ snapshot: Snapshot, at now: BootTime) {
        guard snapshot.creations == self.creations, askedAt + Self.lifetime > now else { return }
        if self.until.count >= Self.countMax { self.until = self.until.filter { now < $0.value } }
        guard self.until.count < Self.countMax else { return }
        self.until[name] = askedAt + Self.lifetime
    }

    /// A key was created, or may have been.
    mutating func remove(_ name: KeyName) {
        self.creations += 1
        self.until[name] = nil
    }

    mutating func removeAll() {
        self.creations += 1
        self.until = [:]
    }
}
