// SPDX-License-Identifier: Apache-2.0

/// A writer of Prometheus' text format, version 0.0.4.
package struct MetricsText: Sendable {
    /// The families written so far.
    package private(set) var text = ""

    package init() {}

    /// The type of a family; the raw values are Prometheus' names.
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// One or several labels: `{a="b",c="d"}`.
    package struct Labels: Sendable, ExpressibleByDictionaryLiteral {
        let text: String

        package static let none: Labels = [:]

        /// Values are not escaped: they must be constants or checked addresses.
        package init(dictionaryLiteral pairs: (String, String)...) {
            self.text = pairs.map { "\($0)=\"\($1)\"" }.joined(separator: ",")
        }

        func adding(_ name: String, _ value: String) -> String {
            let pair = "\(name)=\"\(value)\""
            return self.text.isEmpty ? pair : self.text + "," + pair
        }
    }

    /// Appends a family with its samples. A family without samples is omitted, because KES's client rejects it.
    package mutating func family(_ name: String, _ kind: Kind, _ help: String, _ samples: [(Labels, Double)]) {
        guard !samples.isEmpty else { return }
        self.header(name, kind, help)
        for (labels, value) in samples {
            let set = labels.text.isEmpty ? "" : "{\(labels.text)}"
            self.text += "\(name)\(set) \(Self.number(value))\n"
        }
    }

    /// Appends a family with one sample and no labels.
    package mutating func family(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        self.family(name, kind, help, [(.none, value)])
    }

    /// Appends a histogram in seconds. `bounds` are in nanoseconds, each one of ``Histogram/bounds``.
    package mutating func histogram(
        _ name: String, _ help: String, bounds: [Int], _ samples: [(Labels, Histogram.Snapshot)]
    ) {
        guard !samples.isEmpty else { return }
        self.header(name, .histogram, help)
        for (labels, snapshot) in samples {
            for bound in bounds {
                let set = labels.adding("le", Self.number(Double(bound) / 1e9))
                self.text += "\(name)_bucket{\(set)} \(snapshot.cumulativeCount(upTo: bound))\n"
            }
            let set = labels.text.isEmpty ? "" : "{\(labels.text)}"
            self.text += "\(name)_bucket{\(labels.adding("le", "+Inf"))} \(snapshot.count)\n"
            self.text += "\(name)_sum\(set) \(Self.number(Double(snapshot.sumNanoseconds) / 1e9))\n"
            self.text += "\(name)_count\(set) \(snapshot.count)\n"
        }
    }

    private mutating func header(_ name: String, _ kind: Kind, _ help: String) {
        self.text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Whole numbers have no fraction, as in Prometheus' own libraries.
    private static func number(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? String(Int(value)) : String(value)
    }
}
