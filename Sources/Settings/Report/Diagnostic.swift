// SPDX-License-Identifier: Apache-2.0

/// An error, warning or note about the configuration.
///
/// Written as `place: severity: message; remedy`. Texts quote what the operator wrote, but never a value that may be
/// secret.
package struct Diagnostic: Hashable, Sendable {
    /// The effect on the agent.
    package enum Severity: String, Sendable {
        /// The agent does not start.
        case error
        /// The agent starts, but something has no effect, or an unexpected one.
        case warning
        /// Information only.
        case note
    }

    package let severity: Severity
    package let place: Place
    /// What is wrong, or what is the case.
    package let message: String
    /// What to do, as a clause that follows the message. Nil if nothing needs to be done.
    package let remedy: String?

    package init(_ severity: Severity, at place: Place, _ message: String, remedy: String? = nil) {
        self.severity = severity
        self.place = place
        self.message = message
        self.remedy = remedy
    }
}

extension [Diagnostic] {
    mutating func report(_ severity: Diagnostic.Severity, at place: Place, _ message: String, remedy: String? = nil) {
        self.append(Diagnostic(severity, at: place, message, remedy: remedy))
    }
}

extension Diagnostic {
    /// As ``description``, without the severity: for log lines and others that show it already.
    package var advice: String {
        let line = "\(self.place): \(self.message)"
        return (self.remedy.map { "\(line); \($0)" } ?? line).escapingControls
    }
}

extension Diagnostic: CustomStringConvertible {
    /// One line, even if the operator's texts contain control characters.
    package var description: String {
        let line = "\(self.place): \(self.severity.rawValue): \(self.message)"
        return (self.remedy.map { "\(line); \($0)" } ?? line).escapingControls
    }
}

extension String {
    /// The text with escaped control characters, so that it stays one line and does not control a terminal.
    var escapingControls: String {
        self.unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.properties.generalCategory == .control {
                text += scalar.escaped(asASCII: false)
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }
}
