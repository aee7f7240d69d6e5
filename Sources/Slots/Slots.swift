// SPDX-License-Identifier: Apache-2.0

/// A table of values that cannot be copied, each under an ID that is never used again.
///
/// A value is changed in place, without reference counts and without checks at run time for overlapping access.
/// What is looked up often can be inlined, since the table is generic.
@safe public struct Slots<Value: ~Copyable>: ~Copyable {
    /// Names one value for ever: its slot, and how often that had been taken and given back.
    public struct ID: Hashable, Sendable {
        @usableFromInline let index: UInt32
        @usableFromInline let generation: UInt32

        /// For callers that can pass on nothing but a number.
        @inlinable public var rawValue: UInt64 { UInt64(self.generation) << 32 | UInt64(self.index) }

        /// From what ``rawValue`` has given.
        @inlinable public init(rawValue: UInt64) {
            self.init(index: UInt32(truncatingIfNeeded: rawValue), generation: UInt32(rawValue >> 32))
        }

        @usableFromInline init(index: UInt32, generation: UInt32) {
            self.index = index
            self.generation = generation
        }
    }

    /// Memory of all slots, nil in those that are free.
    @usableFromInline var storage: UnsafeMutableBufferPointer<Value?>
    /// How often each slot was taken and given back: odd while it is in use.
    @usableFromInline var generations: [UInt32] = []
    @usableFromInline var free: [UInt32] = []

    package init() { unsafe self.storage = .allocate(capacity: 16) }

    deinit {
        for index in self.generations.indices { unsafe self.storage.deinitializeElement(at: index) }
        unsafe self.storage.deallocate()
    }

    package var count: Int { self.generations.count - self.free.count }

    /// Of all values there are.
    package var ids: [ID] {
        self.generations.indices.filter { self.generations[$0] % 2 == 1 }
            .map { ID(index: UInt32($0), generation: self.generations[$0]) }
    }

    /// Whether the value has not been removed yet.
    @inlinable
    public func contains(_ id: ID) -> Bool {
        let index = Int(id.index)
        return index < self.generations.count && self.generations[index] == id.generation && id.generation % 2 == 1
    }

    package mutating func insert(_ value: consuming Value) -> ID {
        if self.free.isEmpty { self.addSlot() }
        let slot = self.free.removeLast()
        let index = Int(slot)
        self.generations[index] &+= 1
        unsafe self.storage[index] = .some(consume value)
        return ID(index: slot, generation: self.generations[index])
    }

    /// Takes a value out. Nil if it has been removed before.
    package mutating func remove(_ id: ID) -> Value? {
        guard self.contains(id) else { return nil }
        self.free(id)
        return unsafe self.storage[Int(id.index)].take()
    }

    /// The value of an ID, changed in place. Nil if it has been removed; assigning nil removes it, and assigning a value to
    /// an ID that has none drops that value.
    public subscript(_ id: ID) -> Value? {
        @inlinable _read {
            if self.contains(id) { yield unsafe self.storage[Int(id.index)] } else { yield nil }
        }
        @inlinable _modify {
            if self.contains(id) {
                yield unsafe &self.storage[Int(id.index)]
                if unsafe self.storage[Int(id.index)] == nil { self.free(id) }
            } else {
                var absent: Value?
                yield &absent
            }
        }
    }

    /// Makes the slot of an ID in use available again.
    @usableFromInline mutating func free(_ id: ID) {
        self.generations[Int(id.index)] &+= 1
        self.free.append(id.index)
    }

    private mutating func addSlot() {
        let index = self.generations.count
        if unsafe index == self.storage.count {
            let larger = UnsafeMutableBufferPointer<Value?>.allocate(capacity: index * 2)
            for used in 0..<index {
                unsafe larger.initializeElement(at: used, to: self.storage.moveElement(from: used))
            }
            unsafe self.storage.deallocate()
            unsafe self.storage = larger
        }
        unsafe self.storage.initializeElement(at: index, to: nil)
        self.generations.append(0)
        self.free.append(UInt32(index))
    }
}
