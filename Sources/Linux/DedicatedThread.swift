// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A thread for work that blocks in the kernel, which threads of Swift's concurrency must not do.
package final class DedicatedThread: Sendable {
    private let thread: pthread_t

    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Signals for faults of the thread itself. A blocked one would end the process at once, without the handler.
    private static let faults = [SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP]

    /// Starts `body` with every signal but ``faults`` blocked, so that other threads receive them.
    ///
    /// - Parameter name: at most 15 bytes; `top -H` shows it.
    /// - Throws: ``SystemError`` if there are too many threads.
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

    /// Waits until `body` has returned. Call once.
    package func join() { pthread_join(self.thread, nil) }

    /// Releases the thread's memory when `body` returns. Call once, instead of ``join()``.
    package func detach() { pthread_detach(self.thread) }
}
