// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// A process that starts without what processes usually have: standard descriptors, /proc, /dev.
@Suite struct BareProcessAttackTests {
    private static let canUnshare =
        Account.isRoot && (try? Self.run(["/usr/bin/unshare", "-m", "true"]).status) == .exited(0)

    /// In a mount namespace of its own, with an empty file system on a directory.
    private static func hiding(_ directory: String) -> [String] {
        ["/usr/bin/unshare", "-m", "/bin/sh", "-c", "mount -t tmpfs tmpfs \(directory) && exec \"$@\"", "sh"]
    }

    private static let closingDescriptors = ["/bin/sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"]

    private static func run(_ command: [String]) throws -> Keyside.Outcome {
        var launch = Launch(command[0])
        launch.arguments = Array(command.dropFirst())
        launch.environment = Keyside.baseEnvironment
        return try launch.run()
    }

    // MARK: Standard descriptors

    @Test func standardDescriptorsThatAreClosedLeadToDevNull() throws {
        try withAgent {
            $0.launcher = Self.closingDescriptors
            $0.arguments = ["--log-level", "trace"]
        } body: { agent in
            for number in 0...2 {
                let link = "/proc/\(agent.process.processID)/fd/\(number)"
                var target = [CChar](repeating: 0, count: 256)
                #expect(unsafe readlink(link, &target, 255) > 0)
                #expect(String(decoding: target.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self) == "/dev/null")
            }
            // Log lines would be written into whatever has the number 2.
            for _ in 0..<100 { try expectService(by: agent) }
            try agent.signal(SIGTERM)
            #expect(try agent.waitForExit() == .exited(0))
        }
    }

    @Test(arguments: [["version"], ["--version"], ["--help"], ["check"]])
    func aResultThatCannotBeWrittenIsAnError(arguments: [String]) throws {
        let outcome = try Self.run(Self.closingDescriptors + [try Keyside.binary()] + arguments)
        #expect(outcome.status == .exited(74))
    }

    @Test(.enabled(if: canUnshare, "needs a mount namespace"))
    func withoutDevNullNothingElseGetsTheirNumbers() throws {
        try withAgent {
            $0.launcher = Self.hiding("/dev") + Self.closingDescriptors
        } body: { agent in
            try expectService(by: agent)
            try agent.signal(SIGTERM)
            #expect(try agent.waitForExit() == .exited(0))
        }
    }

    // MARK: /proc

    @Test(
        .enabled(if: canUnshare, "needs a mount namespace"),
        arguments: [
            (["version"], 0), (["status", "--check", "--socket", "/nonexistent"], 69),
            (["key", "generate", "my-key", "--socket", "/nonexistent"], 69), (["frobnicate"], 64),
        ] as [([String], Int32)])
    func withoutProcACommandDoesWhatItIsTold(arguments: [String], status: Int32) throws {
        let outcome = try Self.run(Self.hiding("/proc") + [try Keyside.binary()] + arguments)
        #expect(outcome.status == .exited(status), "\(outcome.error)")
        if arguments == ["version"] { #expect(outcome.output.hasPrefix("keyside ")) }
    }

    /// These commands run tasks, and libdispatch needs /proc for that.
    @Test(.enabled(if: canUnshare, "needs a mount namespace"), arguments: [["run"], ["check"], ["bench"]])
    func withoutProcACommandThatNeedsItSaysSo(arguments: [String]) throws {
        let outcome = try Self.run(Self.hiding("/proc") + [try Keyside.binary()] + arguments)
        #expect(outcome.status == .exited(78))
        #expect(outcome.error.contains("/proc is not mounted"), "\(outcome.error)")
    }
}
