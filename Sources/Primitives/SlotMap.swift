// SPDX-License-Identifier: Apache-2.0

/// A slot map of `~Copyable` values. An ID is never reused.
///
/// Values are changed in place, without reference counting and without run-time checks for overlapping access. Lookups
/// are inlinable, because the type is generic.
@safe public struct SlotMap<Value: ~Copyable>: ~Copyable {
    /// The identity of a value: its slot, and the slot's generation.
    public struct ID: Hashable, Sendable {
        @usableFromInline let index: UInt32
        @usableFromInline let generation: UInt32

        /// For callers that can only pass a number.
        @inlinable public var rawValue: UInt64 { UInt64(self.generation) << 32 | UInt64(self.index) }

        /// Inverse of ``rawValue``.
        @inlinable public init(rawValue: UInt64) {
            self.init(index: UInt32(truncatingIfNeeded: rawValue), generation: UInt32(rawValue >> 32))
        }

        @usableFromInline init(index: UInt32, generation: UInt32) {
            self.index = index
            self.generation = generation
        }
    }

    /// The slots; nil in free ones.
    @usableFromInline var storage: UnsafeMutableBufferPointer<Value?>
    /// The value of a stale ID: always nil.
    @usableFromInline let absent: UnsafeMutablePointer<Value?>
    /// The generation of each slot: odd while it is in use.
    @usableFromInline var generations: [UInt32] = []
    @usableFromInline var free: [UInt32] = []

    package init() {
        unsafe self.storage = .allocate(capacity: 16)
        unsafe self.absent = .allocate(capacity: 1)
        unsafe self.absent.initialize(to: nil)
    }

    deinit {
        for index in self.generations.indices { unsafe self.storage.deinitializeElement(at: index) }
        unsafe self.storage.deallocate()
        unsafe self.absent.deinitialize(count: 1)
        unsafe self.absent.deallocate()
    }

    /// Number of values.
    package var count: Int { self.generations.count - self.free.count }

    /// The IDs of all values.
    package var ids: [ID] {
        self.generations.indices.filter { self.generations[$0] % 2 == 1 }
            .map { ID(index: UInt32($0), generation: self.generations[$0]) }
    }

    /// Whether the value was not removed.
    @inlinable
    public func contains(_ id: ID) -> Bool {
        let index = Int(id.index)
        return index < self.generations.count && self.generations[index] == id.generation && id.generation % 2 == 1
    }

    /// Adds a value. O(1), amortised.
    @inlinable
    public mutating func insert(_ value: consuming Value) -> ID {
        if self.free.isEmpty { self.addSlot() }
        let slot = self.free.removeLast()
        let index = Int(slot)
        self.generations[index] &+= 1
        unsafe self.storage[index] = .some(consume value)
        return ID(index: slot, generation: self.generations[index])
    }

    /// Removes and returns a value. Nil if it was removed before.
    @inlinable
    public mutating func remove(_ id: ID) -> Value? {
        guard self.contains(id) else { return nil }
        self.free(id)
        return unsafe self.storage[Int(id.index)].take()
    }

    /// The value of an ID, changed in place. Nil if it was removed. Assigning nil removes it; a value assigned to a
    /// stale ID is dropped.
    ///
    /// Inlined, and without a local value: a coroutine that is called, or has a local value, allocates its frame on the
    /// heap.
    public subscript(_ id: ID) -> Value? {
        @inlinable @inline(__always) _read { yield unsafe self.place(of: id).pointee }
        @inlinable @inline(__always) _modify {
            let place = unsafe self.place(of: id)
            yield unsafe &place.pointee
            if unsafe (place.pointee == nil) != (place == self.absent) { self.settle(id) }
        }
    }

    /// The address of the value of an ID, or ``absent``.
    @inlinable @inline(__always)
    func place(of id: ID) -> UnsafeMutablePointer<Value?> {
        guard self.contains(id), let start = unsafe self.storage.baseAddress else { return unsafe self.absent }
        return unsafe start + Int(id.index)
    }

    /// Completes an assignment that removed a value, or drops one that was assigned to a stale ID.
    @usableFromInline mutating func settle(_ id: ID) {
        if self.contains(id) { self.free(id) } else { unsafe self.absent.pointee = nil }
    }

    /// Frees the slot of an ID in use.
    @inlinable
    mutating func free(_ id: ID) {
        self.generations[Int(id.index)] &+= 1
        self.free.append(id.index)
    }

    @usableFromInline
    mutating func addSlot() {
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
