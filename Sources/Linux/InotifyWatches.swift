// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The watches of one inotify descriptor. Used by one thread at a time.
struct InotifyWatches: Sendable {
    private let descriptor: CInt
    private let paths: [String]
    private var directories: [CInt: WatchPlan.Directory] = [:]

    private static let directoryEvents =
        IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
    /// Limits the attempts for directories that keep changing; the next event tries again.
    private static let attemptsMax = 8

    init(_ paths: [String]) throws(SystemError) {
        self.descriptor = inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK))
        guard self.descriptor >= 0 else { throw SystemError("watch", paths.first ?? "nothing") }
        self.paths = paths
        self.renew()
    }

    func close() { Glibc.close(self.descriptor) }

    /// Waits for events.
    ///
    /// - Returns: false if `end` has become readable.
    func wait(orUntil end: CInt) -> Bool {
        var entries = [
            pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: end, events: Int16(POLLIN), revents: 0),
        ]
        while unsafe poll(&entries, nfds_t(entries.count), -1) < 0, errno == EINTR {}
        return entries[1].revents == 0
    }

    /// Reads all pending events and resolves the paths again.
    ///
    /// - Returns: whether any event is relevant.
    mutating func takeEvents() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        var matters = false
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { buffer in
                unsafe read(self.descriptor, buffer.baseAddress, buffer.count)
            }
            guard count > 0 else { break }
            for event in InotifyEvent.all(in: buffer.span.extracting(..<count)) {
                matters = self.matters(event) || matters
            }
        }
        if matters { self.renew() }
        return matters
    }

    private func matters(_ event: InotifyEvent) -> Bool {
        if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { return true }
        guard let directory = self.directories[event.watch] else { return false }
        return event.name.isEmpty || directory.concerns(event.name)
    }

    /// Watches the directories that are on the way now. Repeats until none has changed meanwhile.
    private mutating func renew() {
        for _ in 0..<Self.attemptsMax {
            let plan = WatchPlan(self.paths)
            var directories: [CInt: WatchPlan.Directory] = [:]
            for (path, directory) in plan.directories {
                let events = Self.directoryEvents | (directory.isEnd || directory.holdsEnd ? IN_CLOSE_WRITE : 0)
                let watch = unsafe inotify_add_watch(self.descriptor, path, UInt32(events) | UInt32(IN_ONLYDIR))
                if watch >= 0 { directories[watch] = directory }
            }
            for watch in self.directories.keys where directories[watch] == nil {
                inotify_rm_watch(self.descriptor, watch)
            }
            self.directories = directories
            if WatchPlan(self.paths) == plan { break }
        }
    }
}

/// One `struct inotify_event`.
private struct InotifyEvent {
    let watch: CInt
    let mask: UInt32
    /// Empty for an event of the directory itself.
    let name: String

    /// In the layout of read(2): watch, mask, cookie, length of the name; the name, padded with NULs.
    static func all(in bytes: Span<UInt8>) -> [InotifyEvent] {
        func word(at offset: Int) -> UInt32 {
            unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
        }
        var events: [InotifyEvent] = []
        var offset = 0
        while offset + 16 <= bytes.count {
            let end = offset + 16 + Int(word(at: offset + 12))
            let name = (offset + 16..<end).map { bytes[$0] }.prefix { $0 != 0 }
            events.append(
                InotifyEvent(
                    watch: CInt(bitPattern: word(at: offset)),
                    mask: word(at: offset + 4),
                    name: String(decoding: name, as: UTF8.self)
                )
            )
            offset = end
        }
        return events
    }
}
