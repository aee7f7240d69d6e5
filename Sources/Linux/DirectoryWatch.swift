// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Reports when the targets of some paths may have changed, by inotify(7) on every directory on the way; see
/// ``WatchPlan``.
///
/// Reports files written in place and closed, replaced by rename, removed and created again; symbolic links that are
/// replaced; and directories that are replaced or created later. May report too much, and does not say what has
/// changed. Not reported: writes through memory mappings or by other hosts of a network file system, and changes below
/// unreadable directories. So read the files periodically, too.
package final class DirectoryWatch: Sendable {
    /// At least one element after every change, once the last element was taken. Ends with the watch. For one reader.
    package let changes: AsyncStream<Void>

    private let feed: AsyncStream<Void>.Continuation
    private let end: EndEvent

    /// eventfd(2): written to end the thread, which keeps it open until then.
    private final class EndEvent: Sendable {
        let descriptor: Descriptor

        init(watching path: String) throws(SystemError) {
            let number = eventfd(0, CInt(EFD_CLOEXEC))
            guard number >= 0 else { throw SystemError("watch", path) }
            self.descriptor = Descriptor(owning: number)
        }
    }

    /// Starts watching.
    ///
    /// - Parameter paths: absolute paths of files and directories. All direct entries of a directory count.
    /// - Throws: ``SystemError`` if the user has too many inotify instances; the default limit is 128.
    package init(_ paths: [String]) throws(SystemError) {
        let (changes, feed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let end = try EndEvent(watching: paths.first ?? "nothing")
        let watches = try InotifyWatches(paths)
        do throws(SystemError) {
            try DedicatedThread(name: "directory-watch") {
                var watches = watches
                while watches.wait(orUntil: end.descriptor.number) {
                    if watches.takeEvents() { feed.yield() }
                }
                watches.close()
            }
            .detach()
        } catch {
            watches.close()
            throw error
        }
        self.changes = changes
        self.feed = feed
        self.end = end
    }

    /// Does not wait for the thread, which may hang in a file system.
    deinit {
        eventfd_write(self.end.descriptor.number, 1)
        self.feed.finish()
    }
}
