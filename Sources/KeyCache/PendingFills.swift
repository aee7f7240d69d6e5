// SPDX-License-Identifier: Apache-2.0

import KeyService

/// New data keys that are being generated. Their fingerprints are not known yet. A purge of their key in the meantime
/// prevents them from being cached.
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

    /// - Returns: whether the data key may be cached.
    mutating func end(_ id: ID) -> Bool { self.fills.removeValue(forKey: id)?.isPurged == false }
}
