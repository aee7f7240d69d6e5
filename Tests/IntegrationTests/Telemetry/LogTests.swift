// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// One line an event, in the form that its reader has.
@Suite struct LogTests {
    /// What a client can put into a request that might end up in a log.
    private static let nasty: [HTTPRequest] = [
        .get("/v1/key/describe/%0A%0D%1B%5B31m<evil>\"\\"), .get("/%0aerror:%20forged"),
        HTTPRequest("GET", "/version", fields: ["X-Request-Id: forged error line", "User-Agent: evil"]),
        HTTPRequest("EV!L", "/v1/status"),
    ]

    /// The lines of an agent's whole life, with one warning in it.
    private func log(of arguments: [String], toJournal: Bool = false) throws -> [Substring] {
        try withAgent {
            $0.arguments = arguments
            $0.logsToJournal = toJournal
            $0.environment["MINIO_KMS_REPLICATE_KEYID"] = "maybe\u{1B}[31m"
        } body: { agent in
            for request in Self.nasty { _ = try agent.ask(request) }
            try agent.connect().send("nonsense\r\n\r\n")
            try agent.signal(SIGHUP)
            try agent.signal(SIGTERM)
            #expect(try agent.waitForExit() == .exited(0))
            let log = try agent.log
            #expect(log.isEmpty || log.hasSuffix("\n"))
            #expect(log.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x0a }, "control characters")
            #expect(!log.contains("evil") && !log.contains("forged"), "what clients send is theirs")
            return log.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        }
    }

    @Test(arguments: ["trace", "info"])
    func forPeopleALineHasTimeLevelAndMessage(level: String) throws {
        let form = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (trace|debug|info|notice|warning|error) +\S.*/
        for line in try self.log(of: ["--log-level", level]) { #expect(line.wholeMatch(of: form) != nil, "\(line)") }
    }

    @Test func forTheJournalALineHasAPriority() throws {
        let lines = try self.log(of: ["--log-level", "trace"], toJournal: true)
        for line in lines { #expect(line.wholeMatch(of: /<[3-7]>\S.*/) != nil, "\(line)") }
        #expect(lines.contains { $0.hasPrefix("<5>ready") })
        #expect(lines.contains { $0.hasPrefix("<7>request answered") })
        #expect(lines.contains { $0.hasPrefix("<4>") && $0.contains("MINIO_KMS_REPLICATE_KEYID") })
    }

    /// A variable that another service's systemd has set does not make a file the journal.
    @Test func whatOnlyLooksLikeTheJournalIsNotTheJournal() throws {
        try withAgent {
            $0.environment["JOURNAL_STREAM"] = "1:2"
        } body: { agent in
            let log = try agent.log
            #expect(!log.isEmpty && !log.hasPrefix("<"))
        }
    }

    @Test(arguments: [false, true])
    func forProgramsALineIsAnObject(toJournal: Bool) throws {
        let lines = try self.log(of: ["--log-format", "json", "--log-level", "trace"], toJournal: toJournal)
        let events = try lines.map { try JSONValue(String($0)) }
        for event in events {
            #expect(["trace", "debug", "info", "notice", "warning", "error"].contains(event["level"].string))
            #expect(event["time"].string?.hasSuffix("Z") == true)
            #expect(event["message"].string?.isEmpty == false)
        }
        let messages = events.compactMap { $0["message"].string }
        for message in ["starting", "backend", "listening", "locked memory", "ready", "stopping", "stopped"] {
            #expect(messages.filter { $0 == message }.count == 1, "\(message)")
        }
    }

    @Test func theLevelIsKept() throws {
        let levels: [Substring] = ["error", "warning", "notice", "info", "debug"]
        for (index, level) in levels.enumerated() {
            let lines = try self.log(of: ["--log-level", String(level)])
            let seen = lines.compactMap { $0.split(separator: " ", maxSplits: 2).dropFirst().first }
            #expect(seen.allSatisfy { levels[...index].contains($0) }, "\(level): \(lines)")
            // Nothing of note happens at the levels error and info.
            if ["warning", "notice", "debug"].contains(level) { #expect(seen.contains(level), "\(level): \(lines)") }
        }
    }

    /// With the ID from an answer an operator finds the request's line.
    @Test func aRequestIsLoggedUnderTheIDOfItsAnswer() throws {
        try withAgent {
            $0.arguments = ["--log-level", "debug", "--log-format", "json"]
        } body: { agent in
            let answers = [try agent.ask(.generate()), try agent.ask(.generate("other"))]
            try agent.signal(SIGTERM)
            #expect(try agent.waitForExit() == .exited(0))
            let events = try agent.log.split(separator: "\n").map { try JSONValue(String($0)) }
            let requests = events.filter { $0["message"].string == "request answered" }
            #expect(requests.map { $0["request"].string } == answers.map { $0["X-Request-Id"] })
            #expect(requests.map { $0["status"].string } == ["200", "404"])
        }
    }
}
