// SPDX-License-Identifier: Apache-2.0

/// One thing that the operator should know about what they said.
///
/// Written as `place: severity: message; remedy`. Texts quote what the operator wrote, but never the value of a variable
/// that may hold a secret.
package struct Diagnostic: Hashable, Sendable {
    package enum Severity: String, Sendable {
        /// The agent does not start.
        case error
        /// The agent starts, but something has another effect than it seems, or none.
        case warning
        /// Nothing is wrong.
        case note
    }

    package let severity: Severity
    package let place: Place
    /// What is wrong, or what is so.
    package let message: String
    /// What to do, as a clause that follows the message. Nil where there is nothing to do.
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
    /// As ``description``, without the severity: for where that is plain.
    package var advice: String {
        let line = "\(self.place): \(self.message)"
        return (self.remedy.map { "\(line); \($0)" } ?? line).escapingControls
    }
}

extension Diagnostic: CustomStringConvertible {
    /// One line, whatever control characters the operator's texts hold.
    package var description: String {
        let line = "\(self.place): \(self.severity.rawValue): \(self.message)"
        return (self.remedy.map { "\(line); \($0)" } ?? line).escapingControls
    }
}

extension String {
    /// The text with control characters spelled out, so that a line stays a line and a terminal is left alone.
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
