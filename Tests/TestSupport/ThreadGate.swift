// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Holds threads until it is opened, once: sem_init(3), which is for threads of any kind.
///
/// `@unchecked Sendable`: a semaphore is made for threads.
@safe package final class ThreadGate: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    package init() { unsafe sem_init(self.semaphore, 0, 0) }

    deinit { unsafe self.semaphore.deallocate() }

    /// Waits until it is open, and leaves it so for the next.
    package func pass() {
        while unsafe sem_wait(self.semaphore) != 0 {}
        unsafe sem_post(self.semaphore)
    }

    package func open() { unsafe sem_post(self.semaphore) }
}
