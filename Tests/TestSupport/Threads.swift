// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Runs `body`, which may block, on a thread of its own: the threads that run tasks are few, and what it waits for may
/// need one of them.
package func onThread<Value: Sendable, Failure>(
    _ body: @escaping @Sendable () throws(Failure) -> Value
) async throws(Failure) -> Value {
    let result = await withCheckedContinuation { continuation in
        let work = unsafe Unmanaged.passRetained(Work { continuation.resume(returning: Result(catching: body)) })
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread, nil,
            { work in
                unsafe Unmanaged<Work>.fromOpaque(work.unsafelyUnwrapped).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        precondition(code == 0, "no thread")
        pthread_detach(thread)
    }
    return try result.get()
}

private final class Work: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
