// SPDX-License-Identifier: Apache-2.0

/// Something that every listener has one of.
struct ByListener<Value: Sendable>: Sendable {
    private let unix: Value
    private let tls: Value

    init(_ make: () -> Value) {
        self.unix = make()
        self.tls = make()
    }

    subscript(_ name: ListenerName) -> Value {
        switch name {
        case .unix: self.unix
        case .tls: self.tls
        }
    }

    var all: [(name: ListenerName, value: Value)] { ListenerName.allCases.map { ($0, self[$0]) } }
}
