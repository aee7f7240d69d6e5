// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Which file a piece of work on a ``FileWorker`` is at, so that others can name the one that does not answer.
package final class FileProgress: Sendable {
    /// Of the work that runs on this thread. Nil outside of a ``FileWorker``.
    @TaskLocal static var current: FileProgress?

    private let lastPath = Mutex<String?>(nil)

    /// The file or directory that was opened last.
    var path: String? { self.lastPath.withLock(\.self) }

    /// To be called before each call that may block on a file system.
    func begin(_ path: String) { self.lastPath.withLock { $0 = path } }
}
