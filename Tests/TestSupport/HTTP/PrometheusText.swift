// SPDX-License-Identifier: Apache-2.0

/// A reader of Prometheus' text format 0.0.4 that takes nothing but what a careful writer writes: each family once and
/// whole, `# HELP` and `# TYPE` before its samples, no blank lines, no timestamps.
package struct PrometheusText {
    package struct Family {
        package let name: String
        package let type: String
        package let help: String
        package fileprivate(set) var samples: [Sample] = []
    }

    package struct Sample: Equatable {
        package let name: String
        package let labels: [String: String]
        package let value: Double
    }

    package private(set) var families: [Family] = []

    package init(_ text: String) throws(TestFailure) {
        guard text.hasSuffix("\n") else { throw .malformed("no line feed at the end: \(text)") }
        var lines = text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[...]
        while let line = lines.popFirst() {
            guard let help = Self.comment("HELP", line), let typeLine = lines.popFirst(),
                let type = Self.comment("TYPE", typeLine), type.name == help.name, !help.rest.isEmpty,
                ["counter", "gauge", "histogram"].contains(type.rest)
            else { throw .malformed("no family begins here: \(line)") }
            guard Self.isName(help.name) else { throw .malformed("not a name: \(line)") }
            guard self[help.name] == nil else { throw .malformed("family is there twice: \(line)") }
            var family = Family(name: help.name, type: type.rest, help: help.rest)
            while let line = lines.first, !line.hasPrefix("#") {
                family.samples.append(try Self.sample(line))
                lines.removeFirst()
            }
            try family.check()
            self.families.append(family)
        }
    }

    package subscript(name: String) -> Family? { self.families.first { $0.name == name } }

    /// The value of the one sample that has these labels.
    package func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        self[name]?.samples.first { $0.name == name && $0.labels == labels }?.value
    }

    // MARK: Lines

    private static func comment(_ keyword: String, _ line: String) -> (name: String, rest: String)? {
        let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "#", parts[1] == keyword else { return nil }
        return (String(parts[2]), String(parts[3]))
    }

    private static func isName(_ name: some StringProtocol) -> Bool {
        guard let first = name.first, !first.isNumber else { return false }
        return name.allSatisfy { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
    }

    private static func sample(_ line: String) throws(TestFailure) -> Sample {
        guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]), value.isFinite
        else { throw .malformed("no value: \(line)") }
        var series = line[..<space]
        var labels: [String: String] = [:]
        if let brace = series.firstIndex(of: "{") {
            guard series.last == "}" else { throw .malformed("labels do not end: \(line)") }
            for pair in series[series.index(after: brace)...].dropLast()
                .split(separator: ",", omittingEmptySubsequences: false)
            {
                let parts = pair.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, self.isName(parts[0]), parts[1].count >= 2, parts[1].first == "\"",
                    parts[1].last == "\"", !parts[1].dropFirst().dropLast().contains(where: { "\"\\".contains($0) }),
                    labels.updateValue(String(parts[1].dropFirst().dropLast()), forKey: String(parts[0])) == nil
                else { throw .malformed("malformed label: \(line)") }
            }
            series = series[..<brace]
        }
        guard self.isName(series) else { throw .malformed("not a name: \(line)") }
        return Sample(name: String(series), labels: labels, value: value)
    }
}

extension PrometheusText.Family {
    /// A histogram's series: one for each set of labels but `le`.
    package var histograms: [[String: String]: [PrometheusText.Sample]] {
        Dictionary(grouping: self.samples) { $0.labels.filter { $0.key != "le" } }
    }

    /// The rules between the samples of a family.
    fileprivate func check() throws(TestFailure) {
        func require(_ condition: Bool, _ reason: String) throws(TestFailure) {
            if !condition { throw .malformed("\(reason): \(self.name)") }
        }
        try require(!self.samples.isEmpty, "no samples")
        let series = self.samples.map { "\($0.name) \($0.labels.sorted { $0.key < $1.key })" }
        try require(Set(series).count == series.count, "a series is there twice")
        if self.type != "histogram" {
            try require(self.samples.allSatisfy { $0.name == self.name && $0.labels["le"] == nil }, "foreign samples")
            try require(self.type != "counter" || self.samples.allSatisfy { $0.value >= 0 }, "negative counter")
            return
        }
        for samples in self.histograms.values {
            let buckets = samples.filter { $0.name == "\(self.name)_bucket" }
            let bounds = buckets.map { $0.labels["le"].flatMap { Double($0 == "+Inf" ? "inf" : $0) } }
            try require(samples.count == buckets.count + 2, "foreign samples")
            try require(!bounds.contains(nil) && bounds.last == .infinity, "no bucket for all")
            try require(zip(bounds, bounds.dropFirst()).allSatisfy { ($0 ?? 0) < ($1 ?? 0) }, "bounds do not rise")
            try require(
                zip(buckets, buckets.dropFirst()).allSatisfy { $0.value <= $1.value },
                "buckets are not cumulative"
            )
            let count = samples.first { $0.name == "\(self.name)_count" && $0.labels["le"] == nil }?.value
            let sum = samples.first { $0.name == "\(self.name)_sum" && $0.labels["le"] == nil }?.value
            try require(count == buckets.last?.value, "count is not that of all buckets")
            try require(sum.map { $0 >= 0 && (count == 0) == ($0 == 0) } == true, "sum and count disagree")
        }
    }
}
