// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Linux

/// Work on files that may hang.
@Suite(.timeLimit(.minutes(5))) struct FileWorkerTests {
    private func failure(of worker: FileWorker, _ body: @escaping @Sendable () -> Void) async -> FileWorker.Failure? {
        do throws(FileWorker.Failure) {
            try await worker.run(body)
            return nil
        } catch {
            return error
        }
    }

    @Test func resultsComeBack() async throws {
        let worker = FileWorker()
        for number in 0..<20 { #expect(try await worker.run { number * 2 } == number * 2) }
    }

    @Test func workIsDoneOneByOne() async throws {
        let worker = FileWorker()
        let running = Counter()
        try await withThrowingTaskGroup { group in
            for _ in 0..<20 {
                group.addTask {
                    try await worker.run {
                        #expect(running.change(by: 1) == 1)
                        sched_yield()
                        running.change(by: -1)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func workThatHangsIsGivenUpAndItsFileNamed() async throws {
        let worker = FileWorker(limit: .milliseconds(20))
        let gate = ThreadGate()
        let hanging: @Sendable () -> Void = {
            FileProgress.current?.begin("/hung/file")
            gate.pass()
        }
        #expect(await self.failure(of: worker, hanging) == .timedOut(path: "/hung/file", limit: .milliseconds(20)))
        // Nothing else is begun meanwhile, so no more threads hang.
        let runs = Counter()
        for _ in 0..<3 {
            let next = await self.failure(of: worker) { runs.change(by: 1) }
            #expect(next == .timedOut(path: "/hung/file", limit: .milliseconds(20)))
        }
        gate.open()
        while await self.failure(of: worker, {}) != nil {}
        #expect(runs.change(by: 0) == 0)
    }

    @Test func aCancelledTaskDoesNotWait() async throws {
        let worker = FileWorker(limit: .seconds(3600))
        let gate = ThreadGate()
        let task = Task { await self.failure(of: worker) { gate.pass() } }
        task.cancel()
        #expect(await task.value == .cancelled)
        gate.open()
        try await worker.run {}
    }
}

private final class Counter: Sendable {
    private let value = Atomic(0)

    /// - Returns: the new value.
    @discardableResult func change(by change: Int) -> Int {
        self.value.wrappingAdd(change, ordering: .relaxed).newValue
    }
}
