// SPDX-License-Identifier: Apache-2.0

import NIOPosix

/// More threads than all tests together ever block.
private let threads: NIOThreadPool = {
    let threads = NIOThreadPool(numberOfThreads: 64)
    threads.start()
    return threads
}()

/// Does what blocks where it keeps no task waiting.
func offPool<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await threads.runIfActive(body)
}
