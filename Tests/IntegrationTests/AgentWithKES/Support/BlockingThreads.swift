// SPDX-License-Identifier: Apache-2.0

import NIOPosix

/// Threads for tasks that block, as most of a test does. The runtime has no more threads than there are cores, and other
/// tests sit on them; here, a server can be waited for while clients wait for it.
final class BlockingThreads: TaskExecutor {
    static let shared = BlockingThreads()

    private let threads = NIOThreadPool(numberOfThreads: 64)

    private init() { self.threads.start() }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.threads.submit { _ in unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Runs `body` and its child tasks where they may block.
func blocking<Result>(_ body: () async throws -> Result) async rethrows -> Result {
    try await withTaskExecutorPreference(BlockingThreads.shared) { try await body() }
}
