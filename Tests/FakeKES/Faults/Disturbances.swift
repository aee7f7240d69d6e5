// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import KeyService
package import TestSupport

/// Faults as text, for the command: one a line.
///
///     delay=2ms
///     reset=in on=decrypt,generate every=10
///     status=502 failed to read key times=3
///     certificate=expired
package struct Disturbances: Sendable, Equatable {
    package var rules: [FaultRule]
    package var connectionFaults: ConnectionFaults

    package init(rules: [FaultRule] = [], connectionFaults: ConnectionFaults = ConnectionFaults()) {
        self.rules = rules
        self.connectionFaults = connectionFaults
    }

    /// - Throws: `.malformed`, naming the line.
    package init(_ text: String) throws(TestFailure) {
        self.init()
        for line in text.split(whereSeparator: \.isNewline) { try self.add(String(line)) }
    }

    package mutating func add(_ line: String) throws(TestFailure) {
        let words = line.split(separator: " ").map(String.init)
        guard let first = words.first else { return }
        let (name, value) = Self.pair(first)
        if try self.connectionFaults.set(name, to: value, line) { return }
        var rule = FaultRule(.hold)
        var rest: [String] = []
        for word in words.dropFirst() {
            switch Self.pair(word) {
            case ("on", let names):
                rule.endpoints = try Set(
                    names.split(separator: ",")
                        .map { name throws(TestFailure) in try Self.endpoint(String(name), line) })
            case ("every", let number): rule.every = try Self.number(number, line)
            case ("times", let number): rule.times = try Self.number(number, line)
            case _: rest.append(word)
            }
        }
        rule.fault = try Self.fault(name, value, rest.joined(separator: " "), line)
        self.rules.append(rule)
    }

    private static func fault(
        _ name: String, _ value: String, _ rest: String, _ line: String
    ) throws(TestFailure) -> Fault {
        switch name {
        case "delay": return .delay(try Self.duration(value, line))
        case "hold": return .hold
        case "truncated": return .truncated
        case "garbage": return .garbage
        case "drip": return .drip(every: try Self.duration(value, line))
        case "status": return .status(try Self.number(value, line), message: rest)
        case "body": return .body(([value] + (rest.isEmpty ? [] : [rest])).joined(separator: " "))
        case "content-type": return .contentType(value)
        case "missing": return .missing(member: value)
        case "larger": return .larger(byByteCount: try Self.number(value, line))
        case "goaway": return .goAway
        case "refused": return .refused
        case "reset":
            guard let moment = Fault.Moment(rawValue: value) else { throw Self.malformed(line) }
            return .reset(moment)
        case _: throw Self.malformed(line)
        }
    }

    /// `2ms`, `1s`, `50us`.
    package static func duration(_ text: String, _ line: String) throws(TestFailure) -> Duration {
        let digits = text.prefix { $0.isNumber }
        guard let count = Int(digits) else { throw Self.malformed(line) }
        switch text.dropFirst(digits.count) {
        case "us": return .microseconds(count)
        case "ms": return .milliseconds(count)
        case "s": return .seconds(count)
        case _: throw Self.malformed(line)
        }
    }

    private static func pair(_ word: String) -> (name: String, value: String) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    }

    /// The word before the name in the endpoint's path: `decrypt`, `generate`, …
    private static func endpoint(_ name: String, _ line: String) throws(TestFailure) -> Operation {
        let found = Operation.allCases.first { $0.path.split(separator: "/").last ?? "" == name }
        guard let found else { throw Self.malformed(line) }
        return found
    }

    fileprivate static func number(_ text: String, _ line: String) throws(TestFailure) -> Int {
        guard let number = Int(text), number > 0 else { throw Self.malformed(line) }
        return number
    }

    fileprivate static func malformed(_ line: String) -> TestFailure { .malformed("no fault: '\(line)'") }
}

extension ConnectionFaults {
    /// - Returns: whether the door has such a setting.
    fileprivate mutating func set(_ name: String, to value: String, _ line: String) throws(TestFailure) -> Bool {
        switch name {
        case "certificate": self.certificate = try Self.choice(value, line)
        case "handshake": self.handshake = try Self.choice(value, line)
        case "connections": self.connectionCountMax = try Disturbances.number(value, line)
        case "resumption": self.resumesSessions = value != "off"
        case "http": self.httpVersions = [try Self.choice(value, line)]
        case "tls": self.tlsVersions = [try Self.choice(value, line)]
        case "verify-clients": self.verifiesClients = true
        case _: return false
        }
        return true
    }

    private static func choice<Choice: RawRepresentable<String>>(
        _ text: String, _ line: String
    ) throws(TestFailure) -> Choice {
        guard let choice = Choice(rawValue: text) else { throw Disturbances.malformed(line) }
        return choice
    }
}
