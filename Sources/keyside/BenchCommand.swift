// SPDX-License-Identifier: Apache-2.0

import AdminProtocol
import ArgumentParser
import ByteCoding
import KESProtocol
import KeyService
import KeysideClient
import Linux
import LoadGenerator
import LockedMemory
import Settings
import UnixSignals

/// `keyside bench`
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure a running agent under load.",
        discussion: """
            Generates data keys, then sends requests as fast as the agent answers, one in flight per connection. \
            Prints operations, latency, errors, hit ratio, and CPU time and memory of the agent. Ctrl-C ends the run \
            early.
            """)

    @Option(help: ArgumentHelp("decrypt, generate, or mixed: one generate to nine decrypts.", valueName: "op"))
    var op = Workload.Mix.decrypt

    @Option(help: ArgumentHelp("The key's name. Default: the agent's own default key.", valueName: "name"))
    var key: String?

    @Option(help: ArgumentHelp("Number of connections.", valueName: "count"))
    var connections = 8

    @Option(help: ArgumentHelp("Duration of the run: 500ms, 10s, 1m. Default: 10s.", valueName: "time"))
    var duration: BenchDuration?

    @Option(help: ArgumentHelp("Number of requests, in place of --duration.", valueName: "count"))
    var requests: Int?

    @Option(help: ArgumentHelp("Number of data keys to generate and decrypt.", valueName: "count"))
    var distinct = 1000

    @Option(
        help: ArgumentHelp(
            "Prefer some data keys, by Zipf's law with this exponent. 0: none.", valueName: "exponent"))
    var zipf = 0.0

    @OptionGroup var options: ClientOptions

    func validate() throws {
        guard self.requests == nil || self.duration == nil else {
            throw ValidationError("--duration and --requests exclude each other")
        }
        try Self.check("--connections", self.connections, 1...100_000)
        try Self.check("--requests", self.requests ?? 1, 1...Int.max)
        try Self.check("--distinct", self.distinct, 1...1_000_000)
        guard (0...100).contains(self.zipf) else { throw ValidationError("--zipf must be a number from 0 to 100") }
        guard self.key != "" else { throw ValidationError("a key's name cannot be empty") }
    }

    private static func check(_ option: String, _ value: Int, _ range: ClosedRange<Int>) throws {
        guard range.contains(value) else {
            let end = range.upperBound == .max ? "on" : "to \(range.upperBound)"
            throw ValidationError("\(option) must be a whole number from \(range.lowerBound) \(end)")
        }
    }

    func run() async throws {
        try await self.reportingFailures {
            ProcessHardening.raiseDescriptorLimit()
            let stop = try StopFlag()
            let report = try await Self.untilInterrupted(raising: stop) { try self.measure(stop) }
            let result = BenchResult(report, title: self.title)
            switch self.options.output {
            case .text: try StandardStreams.writeOutput(result.text)
            case .json: try StandardStreams.writeJSON { json in result.write(to: &json) }
            }
            try self.failOnErrors(report)
        }
    }

    private var title: String {
        let keys = self.op == .generate ? "" : ", \(self.distinct) data key\(self.distinct == 1 ? "" : "s")"
        let connections = self.connections == 1 ? "1 connection" : "\(self.connections) connections"
        return "\(self.op.rawValue), \(connections)\(keys)"
    }

    private func failOnErrors(_ report: LoadReport) throws {
        if case .noConnection(let error) = report.ending {
            throw CommandFailure(.unavailable, "\(self.options.socketPath): \(error.reason); the agent has stopped")
        }
        if let fault = report.firstFault {
            throw CommandFailure(.failed, "\(report.errors) requests failed, the first with \(fault)")
        }
    }

    /// Runs `body` on a separate thread, because it blocks in the kernel. SIGINT and SIGTERM raise the flag.
    private static func untilInterrupted(
        raising stop: StopFlag, _ body: @escaping @Sendable () throws -> LoadReport
    ) async throws -> LoadReport {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let watch = Task { for await _ in signals { stop.raise() } }
        defer { watch.cancel() }
        return try await withCheckedThrowingContinuation { continuation in
            do throws(SystemError) {
                _ = try DedicatedThread(name: "load") { continuation.resume(with: Result { try body() }) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    // MARK: Measuring

    private func measure(_ stop: StopFlag) throws -> LoadReport {
        try self.options.asking { agent in
            let key = try self.keyName(asking: agent)
            let keys = self.op == .generate ? [] : try self.makeDataKeys(of: key, asking: agent, stop)
            let workload = Workload(self.op, key, dataKeys: keys, exponent: self.zipf, memory: agent.memory)
            let progress = BenchProgress()
            defer { progress.clear() }
            return try LoadRun(self.plan, workload, memory: agent.memory, stop: stop)
                .run { report in progress.show(report) }
        }
    }

    private var plan: LoadRun.Plan {
        LoadRun.Plan(
            socketPath: self.options.socketPath, connectionCount: self.connections,
            extent: self.requests.map { .requests($0) }
                ?? .time(Interval(self.duration?.value ?? .seconds(10))))
    }

    /// Returns the named key or the agent's default key, after checking that it exists.
    private func keyName(asking agent: ConnectedClient) throws -> KeyName {
        let status = try agent.client.status().status
        if let key = self.key.flatMap({ KeyName($0) }) { return key }
        guard let fragment = status.keyside, let agent = try? AgentStatus(decoding: fragment.bytes.span),
            let key = KeyName(agent.backend.key)
        else {
            throw CommandFailure(
                .failed, "\(self.options.socketPath): the agent has no default key; set one with --key")
        }
        return key
    }

    /// Each data key has associated data of its own, as in an object store.
    private func makeDataKeys(of key: KeyName, asking agent: ConnectedClient, _ stop: StopFlag) throws
        -> [EncryptedDataKey]
    {
        let progress = BenchProgress()
        defer { progress.clear() }
        return try (0..<self.distinct)
            .map { number in
                guard !stop.isRaised else {
                    throw CommandFailure(.failed, "interrupted before anything was measured")
                }
                progress.show(made: number, of: self.distinct)
                let associatedData = AssociatedData([UInt8](#"{"bench":"bench/\#(number)"}"#.utf8))
                let dataKey = try agent.client.generateKey(key, associatedData: associatedData)
                return EncryptedDataKey(dataKey.ciphertext, associatedData)
            }
    }
}

extension Workload.Mix: ExpressibleByArgument {}

/// A duration on the command line, in the format of settings.
struct BenchDuration: ExpressibleByArgument {
    let value: Duration

    init?(argument: String) {
        guard let value = Duration(setting: argument), value > .zero else { return nil }
        self.value = value
    }
}
