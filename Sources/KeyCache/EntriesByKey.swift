// SPDX-License-Identifier: Apache-2.0

import KeyService

/// Whose entries there are, by the keys that seal them, and which of them were purged.
///
/// A key's entries are purged by turning to its next epoch: that takes no longer for a million of them than for one.
/// Those of earlier epochs never answer again, and are swept later.
struct EntriesByKey {
    /// What an entry remembers of its key.
    struct Stamp: Equatable {
        fileprivate let key: UInt32
        fileprivate let epoch: UInt32
    }

    private struct Record {
        let name: KeyName
        /// Entries of all epochs. The record is removed with the last of them.
        var entryCount = 0
        /// Entries of this epoch.
        var liveCount = 0
    }

    private var records: [Record?] = []
    /// The epochs by record, apart: every hit looks at one.
    private var epochs: [UInt32] = []
    private var numbers: [KeyName: UInt32] = [:]
    private var freeNumbers: [UInt32] = []
    /// Entries that may answer.
    private(set) var liveCount = 0
    /// Entries that were purged and are not swept yet.
    private(set) var purgedCount = 0

    /// Counts a new entry in.
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

    /// Counts an entry out.
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

    /// Counts all entries out at once.
    ///
    /// - Precondition: all were purged.
    mutating func leaveAll() {
        precondition(self.liveCount == 0, "entries that may answer")
        self.purgedCount = 0
        for (number, record) in self.records.enumerated() where record != nil {
            self.records[number] = nil
            self.freeNumbers.append(UInt32(number))
        }
        self.numbers.removeAll()
    }

    /// Whether an entry was not purged.
    func isLive(_ stamp: Stamp) -> Bool { self.epochs[Int(stamp.key)] == stamp.epoch }

    /// - Returns: how many entries never answer again.
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
