// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Holds threads until it is opened, for good.
final class Gate: @unchecked Sendable {
    // POSIX says that it may be used from everywhere.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(self.semaphore, 0, 0) }

    deinit {
        sem_destroy(self.semaphore)
        self.semaphore.deallocate()
    }

    func open() { sem_post(self.semaphore) }

    func waitUntilOpen() {
        sem_wait(self.semaphore)
        sem_post(self.semaphore)
    }

    /// Waits until it was opened once more than others have passed so.
    func waitForOne() { sem_wait(self.semaphore) }
}
