// SPDX-License-Identifier: Apache-2.0

package import ByteCoding

/// What `keyside check` finds out about the backend and the agent's own files beyond their syntax: it reads files and,
/// if requested, tries the servers.
package struct BackendFindings: Equatable, Sendable {
    /// The result of trying one server.
    package struct Trial: Equatable, Sendable {
        /// Whether the server works, and if not, what to do.
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

    /// The agent's identity at the key servers.
    package var identity: String?
    /// Expiry of the client certificate, RFC 3339.
    package var validUntil: String?
    /// Expiry of the TLS listener's certificate, RFC 3339. Nil if there is no valid one.
    package var listenerValidUntil: String?
    /// What the agent's locked memory allows.
    package var memory: MemoryFindings?
    /// Where the system's CA certificates for key servers come from, in addition to those that the backend names.
    package var systemAuthorities: String?
    /// Nil if no server was tried.
    package var trials: [Trial]?
    /// Errors and warnings about the contents of files.
    package var diagnostics: [Diagnostic] = []

    package init() {}

    /// Whether any server failed its check.
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
    /// Whole milliseconds, at least 1.
    fileprivate var milliseconds: Int { max(1, Int(self / .milliseconds(1))) }
}
