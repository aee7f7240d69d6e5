// SPDX-License-Identifier: Apache-2.0

package import ByteCoding
import KeyService

/// The output of `keyside check`. Contains no values of secrets.
package struct ConfigurationReport {
    private let configuration: Configuration
    private let findings: BackendFindings

    package init(_ configuration: Configuration, _ findings: BackendFindings = BackendFindings()) {
        self.configuration = configuration
        self.findings = findings
    }

    private var diagnostics: [Diagnostic] { self.configuration.diagnostics + self.findings.diagnostics }

    /// Whether the agent can start.
    package var isValid: Bool { self.count(.error) == 0 }

    private func count(_ severity: Diagnostic.Severity) -> Int { self.diagnostics.count { $0.severity == severity } }

    /// For people: the backend, aligned columns of name, value and source, the diagnostics, and the verdict as the last
    /// line. Ends with a line feed.
    package var text: String {
        let columns = Columns(self.configuration.settingValues + self.configuration.environmentValues)
        var lines = ["backend: " + (self.configuration.backend.map(Self.summary) ?? "none")]
        lines += self.configuration.backend?.endpoints.map { "  \($0)" } ?? []
        lines += self.findings.lines
        lines += ["", "settings:"] + self.configuration.settingValues.map(columns.line)
        lines += ["", "environment:"] + self.configuration.environmentValues.map(columns.line)
        lines += [""] + self.diagnostics.map(\.description) + [self.verdict]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func summary(of backend: Backend) -> String {
        "\(backend.kind), key '\(backend.keyName)'".escapingControls
    }

    private var verdict: String {
        let counts = [(Diagnostic.Severity.error, "error"), (.warning, "warning")]
            .compactMap { severity, word in
                let count = self.count(severity)
                return count == 0 ? nil : "\(count) \(word)\(count == 1 ? "" : "s")"
            }
        let verdict = self.isValid ? "the configuration is valid" : "the configuration is not valid"
        return ([verdict] + counts).joined(separator: ", ")
    }

    /// For programs: one object on one line, with stable names.
    package var json: String {
        let configuration = self.configuration
        let bytes = JSONWriter.object(escaping: .plain) { json in
            json.member("valid", self.isValid)
            json.member("backend", configuration.backend?.kind)
            json.member("key_name", configuration.backend?.keyName.description)
            json.member("endpoints", configuration.backend?.endpoints.map(\.description) ?? [])
            json.member("identity", self.findings.identity)
            json.member("valid_until", self.findings.validUntil)
            if let authorities = self.findings.systemAuthorities { json.member("system_authorities", authorities) }
            json.member("listener_valid_until", self.findings.listenerValidUntil)
            if let memory = self.findings.memory { json.member("memory", memory) }
            if let trials = self.findings.trials { json.member("connections", trials) }
            json.member("settings", configuration.settingValues)
            json.member("environment", configuration.environmentValues)
            json.member("diagnostics", self.diagnostics)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension EffectiveValue: JSONWritable {
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("name", self.name)
            json.member("value", self.value)
            json.member("source", self.source)
        }
    }
}

extension Diagnostic: JSONWritable {
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("severity", self.severity.rawValue)
            json.member("place", self.place.description)
            json.member("message", self.message)
            json.member("remedy", self.remedy)
        }
    }
}

/// Column widths shared by several tables.
private struct Columns {
    private let nameWidth: Int
    private let valueWidth: Int
    /// A longer value moves only its own source.
    private static let valueWidthMax = 48

    init(_ values: [EffectiveValue]) {
        self.nameWidth = values.map(\.name.count).max() ?? 0
        self.valueWidth = values.map { Self.shown($0).count }.filter { $0 <= Self.valueWidthMax }.max() ?? 0
    }

    func line(_ value: EffectiveValue) -> String {
        "  \(Self.pad(value.name, to: self.nameWidth))  \(Self.pad(Self.shown(value), to: self.valueWidth))  "
            + value.source.escapingControls
    }

    private static func shown(_ value: EffectiveValue) -> String {
        value.value.isEmpty ? "\"\"" : value.value.escapingControls
    }

    private static func pad(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
