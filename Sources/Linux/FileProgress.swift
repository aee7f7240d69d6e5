// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The file that an operation on a ``FileWorker`` is working on, so that errors can name a file that does not respond.
package final class FileProgress: Sendable {
    /// The progress of the operation on this thread. Nil outside of a ``FileWorker``.
    @TaskLocal static var current: FileProgress?

    private let lastPath = Mutex<String?>(nil)

    /// The file or directory that was opened last.
    var path: String? { self.lastPath.withLock(\.self) }

    /// Call before each call that may block on a file system.
    func begin(_ path: String) { self.lastPath.withLock { $0 = path } }
}
