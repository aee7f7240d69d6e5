// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The scanner is worth something only if it finds what is there: each form and each piece, wherever it lies.
@Suite struct MemoryScannerTests {
    private let secret = [UInt8].random(32)

    @Test(arguments: MemoryScanner.Form.allCases)
    func aCopyInAnotherProcessesMemoryIsFound(form: MemoryScanner.Form) throws {
        let holder = try Holder(of: form.text(of: self.secret))
        let copies = try self.scan(holder).copies
        #expect(copies.contains { $0.form == form && $0.byteCount == form.text(of: self.secret).count })
        #expect(copies.allSatisfy { $0.secret == "planted" })
    }

    @Test(arguments: [MemoryScanner.Form.base64, .lowercaseHex, .uppercaseHex])
    func aCopyInAnotherProcessesEnvironmentIsFound(form: MemoryScanner.Form) throws {
        let text = String(decoding: form.text(of: self.secret), as: UTF8.self)
        let holder = try Holder(of: [], environment: ["PLANTED": text])
        let places = try self.scan(holder).copies.filter { $0.form == form }.map(\.place)
        #expect(places.contains { $0.hasPrefix("the environment block") })
        #expect(places.contains { $0.hasPrefix("[stack]") }, "where the kernel keeps it")
    }

    @Test(arguments: MemoryScanner.Form.allCases, [0, 1, 7, 9, 16])
    func aPieceOf16BytesIsFound(form: MemoryScanner.Form, offset: Int) throws {
        let piece = Array(form.text(of: self.secret)[offset..<offset + 16])
        let holder = try Holder(of: [UInt8](repeating: 0x2d, count: 1001) + piece + [0x2d])
        #expect(try self.scan(holder).copies.contains { $0.form == form && $0.byteCount >= 16 })
    }

    @Test func oneOfTenThousandSecretsIsFoundAndTheOthersAreNot() throws {
        let secrets = (0..<10_000).map { KnownSecret("secret \($0)", .random(32)) }
        let holder = try Holder(of: secrets[7_777].bytes)
        let scan = try MemoryScanner(for: secrets).scan(holder.process.processID)
        #expect(Set(scan.copies.map(\.secret)) == ["secret 7777"])
        #expect(scan.searchedByteCount > 1 << 20, "a process is larger than that")
    }

    @Test func aProcessThatCannotBeReadIsAnErrorAndNotACleanOne() throws {
        let holder = try Holder(of: [])
        holder.process.kill()
        #expect(throws: TestFailure.self) { try self.scan(holder) }
    }

    /// The key stands in an agent's locked memory. Where that can be read, the same scan finds it as soon as it may
    /// look there, so that finding nothing elsewhere means something.
    @Test(.enabled(if: Account.isRoot, "needs root to read the memory of a process that cannot be dumped"))
    func theKeyInTheMemoryOfAnAgentIsFoundWhereItBelongs() throws {
        try withAgent {
            $0.environment["MINIO_KMS_SECRET_KEY"] = "my-key:\(self.secret.base64)"
            $0.lacksMemfdSecret = true
        } body: { agent in
            let scanner = try MemoryScanner(for: [KnownSecret("the static key", self.secret)])
            #expect(try scanner.scan(agent.process.processID).copies.isEmpty)
            let copies = try scanner.scan(agent.process.processID, includingLockedMemory: true).copies
            #expect(copies.contains { $0.form == .raw && $0.byteCount == 32 })
        }
    }

    @Test(.enabled(if: Account.isRoot, "needs root to become somebody who may lock no memory"))
    func theKeyInMemoryThatIsNotLockedIsFound() throws {
        try withAgent {
            $0.environment["MINIO_KMS_SECRET_KEY"] = "my-key:\(self.secret.base64)"
            $0.environment["KEYSIDE_MEMORY_ALLOW_UNLOCKED"] = "true"
            $0.account = .nobody
            $0.lockedMemoryMax = 0
        } body: { agent in
            let scan = try MemoryScanner(for: [KnownSecret("the static key", self.secret)])
                .scan(agent.process.processID)
            #expect(scan.copies.contains { $0.form == .raw && $0.byteCount == 32 })
            #expect(scan.lockedByteCount == 0)
        }
    }

    private func scan(_ holder: Holder) throws -> MemoryScan {
        try MemoryScanner(for: [KnownSecret("planted", self.secret)]).scan(holder.process.processID)
    }
}

/// A process that has bytes in its memory: `cat`, which keeps what it has passed on in its buffer.
private struct Holder {
    let process: ChildProcess
    private let input: Descriptor

    init(of bytes: [UInt8], environment: [String: String] = [:]) throws {
        let (childInput, input) = try Descriptor.pipe()
        let (output, childOutput) = try Descriptor.pipe()
        var launch = Launch("/bin/cat")
        launch.environment = environment
        self.process = try ChildProcess(launch, input: childInput, output: childOutput, error: childOutput)
        self.input = input
        // What has come back has been in the buffer; and whoever answers has been executed.
        let sent = bytes + [0x0a]
        try input.write(sent)
        var returned: [UInt8] = []
        while returned.count < sent.count { returned += try output.read(atMost: 65_536) }
    }
}
