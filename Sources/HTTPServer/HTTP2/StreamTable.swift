// SPDX-License-Identifier: Apache-2.0

import HTTP2

/// A value for each of some streams of a connection. Found by the place that the session has for the stream: it is looked
/// up several times for each request.
struct StreamTable<Value> {
    private var ids: [HTTP2StreamID?] = []
    private var values: [Value?] = []
    private(set) var count = 0

    var isEmpty: Bool { self.count == 0 }

    /// The value of a stream, changed in place. Nil where there is none, and to take it out.
    subscript(id: HTTP2StreamID) -> Value? {
        _read {
            if self.holds(id) { yield self.values[id.place] } else { yield nil }
        }
        _modify {
            if self.holds(id) {
                yield &self.values[id.place]
                if self.values[id.place] == nil { self.leave(id) }
            } else {
                var value: Value?
                yield &value
                if let value { self.insert(value, for: id) }
            }
        }
    }

    /// Streams that have a value, in no order.
    var streams: [HTTP2StreamID] { self.ids.compactMap(\.self) }

    func contains(where predicate: (Value) -> Bool) -> Bool {
        self.values.contains { value in value.map(predicate) == true }
    }

    mutating func remove(_ id: HTTP2StreamID) -> Value? {
        guard self.holds(id) else { return nil }
        self.leave(id)
        return self.values[id.place].take()
    }

    mutating func removeAll() { self = StreamTable() }

    private func holds(_ id: HTTP2StreamID) -> Bool { id.place < self.ids.count && self.ids[id.place] == id }

    private mutating func leave(_ id: HTTP2StreamID) {
        self.ids[id.place] = nil
        self.count -= 1
    }

    /// Whoever had the place has gone: a session gives no place to two streams at a time.
    private mutating func insert(_ value: Value, for id: HTTP2StreamID) {
        while self.ids.count <= id.place {
            self.ids.append(nil)
            self.values.append(nil)
        }
        if self.ids[id.place] == nil { self.count += 1 }
        self.ids[id.place] = id
        self.values[id.place] = value
    }
}
