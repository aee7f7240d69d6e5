// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import LockedMemory
import TestSupport
import Testing

/// Each test is a process of its own: there is one environment, and it is wiped.
struct EnvironmentBlockTests {
    @Test("A secret's value leaves the block as the kernel shows it, and the environment as getenv does")
    func wipesKernelsBlock() async {
        await #expect(processExitsWith: .success) {
            // Any variable that a process is started with will do.
            let value = Array(String(cString: try #require(getenv("PATH"))).utf8)
            let line = Array("PATH=".utf8) + value
            #expect(try contents(of: "/proc/self/environ").split(separator: 0).contains(line[...]))

            let memory = try SecretMemory(allowUnlocked: true)
            let environment = try EnvironmentBlock.read(isSecret: { $0 == "PATH" }, wiping: true, into: memory)

            guard case .secret(let secret)? = environment["PATH"] else { throw Missing() }
            #expect(secret.value.array == value)
            #expect(getenv("PATH") == nil)
            let lines = try contents(of: "/proc/self/environ").split(separator: 0)
            #expect(!lines.contains(line[...]))
            #expect(lines.contains(Array("PATH=".utf8)[...]))
        }
    }

    private struct Missing: Error {}

    @Test("The first of two counts, both are wiped, and what is no secret stays")
    func readsBlock() async {
        await #expect(processExitsWith: .success) {
            let block = try #require(keyside_environment())
            let entries = [
                "KEY=first", "TEXT=a=b", "KEY=second", "EMPTY=", "nonsense",
                "LONG=\(String(repeating: "x", count: 500))",
            ]
            let lines = entries.map { strdup($0) }
            for (index, line) in lines.enumerated() {
                try #require(block[index] != nil)  // A test's environment has more variables than that.
                block[index] = line
            }
            block[lines.count] = nil

            let memory = try SecretMemory(allowUnlocked: true)
            let environment = try EnvironmentBlock.read(
                isSecret: { ["KEY", "EMPTY", "LONG"].contains($0) },
                wiping: true,
                into: memory
            )

            #expect(environment.count == 4)
            guard case .secret(let key)? = environment["KEY"], case .secret(let empty)? = environment["EMPTY"],
                case .secret(let long)? = environment["LONG"], case .text(let text)? = environment["TEXT"]
            else { throw Missing() }
            #expect(key.value.array == Array("first".utf8))
            #expect(empty.value.byteCount == 0)
            #expect(long.value.array == [UInt8](repeating: UInt8(ascii: "x"), count: 500))
            #expect(text == "a=b")

            for (entry, line) in zip(entries, lines) {
                let now = Array(UnsafeRawBufferPointer(start: line, count: entry.utf8.count))
                let name = entry.utf8.prefix { $0 != UInt8(ascii: "=") }.count + 1
                let expected =
                    entry.hasPrefix("TEXT") || entry == "nonsense"
                    ? Array(entry.utf8)
                    : Array(entry.utf8.prefix(name)) + [UInt8](repeating: 0, count: entry.utf8.count - name)
                #expect(now == expected)
            }
            #expect(getenv("KEY") == nil && getenv("EMPTY") == nil && getenv("LONG") == nil)
            #expect(String(cString: try #require(getenv("TEXT"))) == "a=b")
        }
    }

    @Test("Without wiping the block stays as it is")
    func leavesBlock() async {
        await #expect(processExitsWith: .success) {
            let before = try contents(of: "/proc/self/environ")
            let memory = try SecretMemory(allowUnlocked: true)
            let environment = try EnvironmentBlock.read(isSecret: { $0 == "PATH" }, wiping: false, into: memory)
            guard case .secret(let secret)? = environment["PATH"] else { throw Missing() }
            #expect(secret.value.array == Array(String(cString: try #require(getenv("PATH"))).utf8))
            #expect(try contents(of: "/proc/self/environ") == before)
        }
    }

    @Test("A value that finds no locked memory is an error")
    func exhaustion() async {
        await #expect(processExitsWith: .success) {
            let memory = try SecretMemory(slotCount: 1, heapByteCountMax: 1 << 19, allowUnlocked: true)
            let only = try Secret(byteCount: 1, in: memory)
            setenv("KEYSIDE_TEST_KEY", "value", 1)
            #expect(throws: LockedMemoryError.exhausted) {
                _ = try EnvironmentBlock.read(isSecret: { $0 == "KEYSIDE_TEST_KEY" }, wiping: true, into: memory)
            }
            #expect(only.byteCount == 1)
        }
    }
}
