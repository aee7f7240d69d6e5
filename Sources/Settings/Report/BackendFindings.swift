// SPDX-License-Identifier: Apache-2.0

package import ByteCoding

/// What a closer look than at words has found out about a backend, and about the agent's own files: files were read, servers
/// perhaps asked.
package struct BackendFindings: Equatable, Sendable {
    /// What one server said to being tried.
    package struct Trial: Equatable, Sendable {
        package enum Outcome: Equatable, Sendable {
            case works(version: String, latency: Duration)
            case fails(problem: String, remedy: String)
        }

        package let endpoint: String
        package let outcome: Outcome

        package init(endpoint: String, outcome: Outcome) {
            self.endpoint = endpoint
            self.outcome = outcome
        }
    }

    /// What key servers know the agent as.
    package var identity: String?
    /// When the certificate that proves it ends, RFC 3339.
    package var validUntil: String?
    /// When the certificate of the TLS listener ends, RFC 3339. Nil where there is none that is of use.
    package var listenerValidUntil: String?
    /// What the agent's locked memory is enough for.
    package var memory: MemoryFindings?
    /// Where the CA certificates come from that key servers are trusted by, besides those that the backend names.
    package var systemAuthorities: String?
    /// Nil if no server was asked.
    package var trials: [Trial]?
    /// What files hold wrongly.
    package var diagnostics: [Diagnostic] = []

    package init() {}

    /// Whether some server was asked and is of no use.
    package var hasFailedTrial: Bool {
        self.trials?.contains { if case .fails = $0.outcome { true } else { false } } ?? false
    }

    var lines: [String] {
        var lines: [String] = []
        if let identity { lines.append("identity: \(identity)") }
        if let systemAuthorities { lines.append("system CA certificates: \(systemAuthorities)".escapingControls) }
        if let validUntil { lines.append("certificate: valid until \(validUntil)") }
        if let listenerValidUntil { lines.append("listener's certificate: valid until \(listenerValidUntil)") }
        lines += self.memory?.lines ?? []
        return lines + (self.trials.map { ["", "connections:"] + $0.map { "  \($0)".escapingControls } } ?? [])
    }
}

extension BackendFindings.Trial: CustomStringConvertible {
    package var description: String {
        switch self.outcome {
        case .works(let version, let latency): "\(self.endpoint): works, version \(version), \(latency.milliseconds) ms"
        case .fails(let problem, let remedy): "\(self.endpoint): error: \(problem); \(remedy)"
        }
    }
}

extension BackendFindings.Trial: JSONWritable {
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("endpoint", self.endpoint)
            switch self.outcome {
            case .works(let version, let latency):
                json.member("works", true)
                json.member("version", version)
                json.member("latency_ms", latency.milliseconds)
            case .fails(let problem, let remedy):
                json.member("works", false)
                json.member("problem", problem)
                json.member("remedy", remedy)
            }
        }
    }
}

extension Duration {
    /// Whole milliseconds, at least one.
    fileprivate var milliseconds: Int { max(1, Int(self / .milliseconds(1))) }
}
