// SPDX-License-Identifier: Apache-2.0

import KeyService

/// Counts entries by key, and knows which of them were purged.
///
/// A purge starts the key's next epoch, in O(1). Entries of earlier epochs are never served again, and are swept later.
struct EntriesByKey {
    /// The key and epoch of an entry.
    struct Stamp: Equatable {
        fileprivate let key: UInt32
        fileprivate let epoch: UInt32
    }

    private struct Record {
        let name: KeyName
        /// Entries of all epochs. The record is removed with the last of them.
        var entryCount = 0
        /// Entries of the current epoch.
        var liveCount = 0
    }

    private var records: [Record?] = []
    /// The current epoch of each record. A separate array, because every hit reads one.
    private var epochs: [UInt32] = []
    private var numbers: [KeyName: UInt32] = [:]
    private var freeNumbers: [UInt32] = []
    /// Entries that may be served.
    private(set) var liveCount = 0
    /// Entries that were purged and are not swept yet.
    private(set) var purgedCount = 0

    /// Registers a new entry.
    mutating func enter(_ name: KeyName) -> Stamp {
        let number = self.numbers[name] ?? self.open(name)
        self.liveCount += 1
        guard var record = self.records[Int(number)] else {
            preconditionFailure("an entry of a key that has no entries")
        }
        record.entryCount += 1
        record.liveCount += 1
        self.records[Int(number)] = record
        return Stamp(key: number, epoch: self.epochs[Int(number)])
    }

    /// Removes an entry.
    mutating func leave(_ stamp: Stamp) {
        guard var record = self.records[Int(stamp.key)] else {
            preconditionFailure("an entry of a key that has no entries")
        }
        record.entryCount -= 1
        if self.isLive(stamp) {
            record.liveCount -= 1
            self.liveCount -= 1
        } else {
            self.purgedCount -= 1
        }
        guard record.entryCount == 0 else {
            self.records[Int(stamp.key)] = record
            return
        }
        self.records[Int(stamp.key)] = nil
        self.numbers[record.name] = nil
        self.freeNumbers.append(stamp.key)
    }

    /// Removes all entries.
    ///
    /// - Precondition: all were purged.
    mutating func leaveAll() {
        precondition(self.liveCount == 0, "all entries must be purged first")
        self.purgedCount = 0
        for (number, record) in self.records.enumerated() where record != nil {
            self.records[number] = nil
            self.freeNumbers.append(UInt32(number))
        }
        self.numbers.removeAll()
    }

    /// Whether the entry was not purged.
    func isLive(_ stamp: Stamp) -> Bool { self.epochs[Int(stamp.key)] == stamp.epoch }

    /// - Returns: the number of entries that this purged.
    mutating func purge(_ name: KeyName) -> Int {
        guard let number = self.numbers[name] else { return 0 }
        return self.purge(Int(number))
    }

    mutating func purgeAll() -> Int { self.records.indices.reduce(0) { $0 + self.purge($1) } }

    private mutating func purge(_ number: Int) -> Int {
        guard var record = self.records[number] else { return 0 }
        let count = record.liveCount
        record.liveCount = 0
        self.epochs[number] &+= 1
        self.records[number] = record
        self.liveCount -= count
        self.purgedCount += count
        return count
    }

    private mutating func open(_ name: KeyName) -> UInt32 {
        let record = Record(name: name)
        let number: UInt32
        if let free = self.freeNumbers.popLast() {
            number = free
            self.records[Int(free)] = record
        } else {
            number = UInt32(self.records.count)
            self.records.append(record)
            self.epochs.append(0)
        }
        self.numbers[name] = number
        return number
    }
}
