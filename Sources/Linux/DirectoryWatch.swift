// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Tells when what some paths lead to may have changed: inotify(7) on every directory on the way, see ``WatchPlan``.
///
/// It sees files written in place and closed, renamed over, removed and made again; symbolic links that are replaced; and
/// directories that are replaced, or made only later. It tells of too much rather than too little, and says not what has
/// changed: look. What it cannot see, and nobody can: writes through memory mappings, by another host of a network file
/// system, under a directory that this process may not read. So look from time to time as well.
package final class DirectoryWatch: Sendable {
    /// One element, at least, after every change, as soon as the last one was taken. Ends with the watch. For one reader.
    package let changes: AsyncStream<Void>

    private let feed: AsyncStream<Void>.Continuation
    private let end: EndEvent

    /// eventfd(2): written to when the thread is to end, and kept by it until then.
    private final class EndEvent: Sendable {
        let descriptor: Descriptor

        init(watching path: String) throws(SystemError) {
            let number = eventfd(0, CInt(EFD_CLOEXEC))
            guard number >= 0 else { throw SystemError("watch", path) }
            self.descriptor = Descriptor(owning: number)
        }
    }

    /// Watches from now on.
    ///
    /// - Parameter paths: files and directories, absolute. Of a directory, all that stands directly in it counts.
    /// - Throws: ``SystemError`` when the user has too many watches already, of which every user has 128.
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

    /// The thread may hang in a file system, so this does not wait for it.
    deinit {
        eventfd_write(self.end.descriptor.number, 1)
        self.feed.finish()
    }
}
