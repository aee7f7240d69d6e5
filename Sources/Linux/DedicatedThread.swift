// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A thread for work that waits in the kernel, which the threads of Swift's concurrency must not do.
package final class DedicatedThread: Sendable {
    private let thread: pthread_t

    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Faults of a thread itself. One that is blocked ends the process at once, without the handler.
    private static let faults = [SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP]

    /// Starts `body`, with every signal but ``faults`` blocked: signals are for those who wait for them.
    ///
    /// - Parameter name: at most 15 bytes; what `top -H` shows.
    /// - Throws: ``SystemError`` when there are too many threads.
    package init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let work = unsafe Unmanaged.passRetained(
            Work {
                unsafe keyside_name_thread(name)
                body()
            }
        )
        var all = sigset_t()
        var previous = sigset_t()
        unsafe sigfillset(&all)
        for fault in Self.faults { unsafe sigdelset(&all, fault) }
        unsafe pthread_sigmask(SIG_SETMASK, &all, &previous)
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread,
            nil,
            { work in
                guard let work = unsafe work else { return nil }
                unsafe Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body()
                return nil
            },
            work.toOpaque()
        )
        unsafe pthread_sigmask(SIG_SETMASK, &previous, nil)
        guard code == 0 else {
            unsafe work.release()
            throw SystemError("start thread", name, code: code)
        }
        self.thread = thread
    }

    /// Waits until `body` has returned. To be called once.
    package func join() { pthread_join(self.thread, nil) }

    /// Leaves the thread to itself: its memory is released when `body` returns. To be called once, in place of ``join()``.
    package func detach() { pthread_detach(self.thread) }
}
