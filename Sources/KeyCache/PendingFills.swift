// SPDX-License-Identifier: Apache-2.0

import KeyService

/// New data keys that the key server is being asked for. Their fingerprints are not known yet, but whether their key was
/// purged meanwhile must be: then they are not kept.
struct PendingFills {
    struct ID: Hashable { fileprivate let number: UInt64 }

    private struct Fill {
        let name: KeyName
        var isPurged = false
    }

    private var fills: [ID: Fill] = [:]
    private var lastNumber: UInt64 = 0

    mutating func begin(_ name: KeyName) -> ID {
        self.lastNumber += 1
        let id = ID(number: self.lastNumber)
        self.fills[id] = Fill(name: name)
        return id
    }

    /// - Parameter name: nil for all.
    mutating func purge(_ name: KeyName?) {
        for index in self.fills.values.indices where name == nil || self.fills.values[index].name == name {
            self.fills.values[index].isPurged = true
        }
    }

    /// - Returns: whether what has come may be kept.
    mutating func end(_ id: ID) -> Bool { self.fills.removeValue(forKey: id)?.isPurged == false }
}
