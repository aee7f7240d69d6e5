// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// An allocator that somebody preloads, with `LD_PRELOAD` or in /etc/ld.so.preload.
@Suite struct PreloadedAllocatorAttackTests {
    /// As Debian's `libjemalloc2` and `libmimalloc2.0` install them.
    static let libraries = ["libjemalloc.so.2", "libmimalloc.so.2"]

    private static func environment(preloading library: String) throws -> [String: String] {
        let paths: [String] = ["x86_64", "aarch64"].map { "/usr/lib/\($0)-linux-gnu/\(library)" }
        let path = paths.first { path in unsafe access(path, R_OK) == 0 }
        guard let path else { throw TestFailure.unusable("\(library) is not installed") }
        return ["LD_PRELOAD": path]
    }

    @Test("does not end a command before it begins", arguments: Self.libraries)
    func commandsRun(library: String) throws {
        let outcome = try Keyside.run(["version"], environment: try Self.environment(preloading: library))
        #expect(outcome.status == .exited(0) && outcome.error.isEmpty, "\(outcome)")
    }

    /// Blocks cross from the program to libcurl, OpenSSL and glibc and back.
    @Test("does not keep the agent from serving data keys of a key server", arguments: Self.libraries)
    func theAgentServes(library: String) async throws {
        let environment = try Self.environment(preloading: library)
        try await withKESAgent { setup, _ in
            setup.environment.merge(environment) { $1 }
        } body: { agent, _ in
            let keys = try agent.makeDataKeys(50)
            for key in keys { expect(try agent.ask(key.decrypt), opens: key, from: "hit") }
            #expect(try agent.purgeCache() == 50)
            for key in keys { expect(try agent.ask(key.decrypt), opens: key, from: "miss") }
            try agent.signal(SIGTERM)
            #expect(try agent.waitForExit() == .exited(0))
        }
    }

    @Test(
        "does not keep freed memory from being wiped",
        .enabled(if: Account.isRoot, "needs root to read the memory of a process that cannot be dumped"),
        arguments: Self.libraries)
    func nothingIsLeftInMemory(library: String) throws {
        let environment = try Self.environment(preloading: library)
        try withAgent {
            $0.environment.merge(environment) { $1 }
        } body: { agent in
            let keys = try agent.makeDataKeys(200)
            for key in keys { #expect(try agent.ask(key.decrypt).status == 200) }
            let secrets = keys.enumerated().map { KnownSecret("data key \($0)", $1.plaintext) }
            let copies = try MemoryScanner(for: secrets).scan(agent.process.processID).copies
            #expect(copies.isEmpty, "\(copies.prefix(3))")
        }
    }
}
