// SPDX-License-Identifier: Apache-2.0

import KeyService

/// Keys that a key server has just reported as missing. An object store with a wrong key name asks for it over and
/// over.
struct AbsentKeys {
    /// Short, because another client may create the key directly at the key server.
    static let lifetime = TimeSpan.seconds(1)
    /// Bounds the memory: names come from clients.
    static let countMax = 1024

    private var until: [KeyName: BootTime] = [:]
    private var creations = 0

    /// Creations so far, taken when the key server is asked.
    struct Snapshot { fileprivate let creations: Int }

    var snapshot: Snapshot { Snapshot(creations: self.creations) }

    mutating func contains(_ name: KeyName, at now: BootTime) -> Bool {
        guard let until = self.until[name] else { return false }
        if now < until { return true }
        self.until[name] = nil
        return false
    }

    /// Records that the key server has no such key.
    ///
    /// - Parameters:
    ///   - askedAt: when the key server was asked. The lifetime starts there.
    ///   - snapshot: taken at that moment. If any key was created since, the answer may be outdated and is ignored.
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
