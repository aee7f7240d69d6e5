// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The path, permissions and owner of a Unix socket.
package struct SocketSettings: Equatable, Sendable {
    package var path: String
    /// Permission bits, such as `0o660`. Connecting needs write permission.
    package var mode: UInt32
    /// Owner and group; nil: those of the process.
    package var owner: String?
    package var group: String?

    package init(path: String, mode: UInt32, owner: String? = nil, group: String? = nil) {
        self.path = path
        self.mode = mode
        self.owner = owner
        self.group = group
    }
}

/// ``SocketSettings`` with resolved owner and group, so that the socket can be created again without a directory
/// service.
package struct ResolvedSocket: Equatable, Sendable {
    package let path: String
    fileprivate let directory: String
    fileprivate let mode: mode_t
    fileprivate let owner: uid_t
    fileprivate let group: gid_t

    /// - Throws: `.invalidPath`, `.unknownUser` or `.unknownGroup`.
    package init(_ place: SocketSettings) throws(SocketFileError) {
        let path = place.path
        guard path.hasPrefix("/"), !path.utf8.contains(0),
            path.utf8.count <= SocketAddress.byteCountMax
        else {
            throw .invalidPath(path: path)
        }
        let parent = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? ""
        self.path = path
        self.directory = parent.isEmpty ? "/" : parent
        self.mode = mode_t(place.mode)
        self.owner = try Accounts.userID(place.owner)
        self.group = try Accounts.groupID(place.group)
    }
}

/// The identity of a file: device and inode. The kernel does not reuse the inode while the file is in use.
package struct FileIdentity: Equatable, Sendable {
    private let device: dev_t
    private let inode: ino_t

    /// The identity of the file at a path. Does not follow a symbolic link.
    init(at path: String) throws(SystemError) {
        FileProgress.current?.begin(path)
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { throw SystemError("stat", path) }
        self.device = status.st_dev
        self.inode = status.st_ino
    }

    /// Whether the file is at a path.
    package func isAt(_ path: String) -> Bool { (try? FileIdentity(at: path)) == self }
}

/// Why a socket could not be created.
package enum SocketFileError: Error, Equatable, Sendable {
    /// Another process listens there.
    case inUse(path: String)
    /// The path leads to something other than a socket, which is left alone. `kind`: `directory`, `file`, …
    case notASocket(path: String, kind: String)
    /// The path is longer than the 107 bytes of a socket address, empty, relative or abstract, or contains a NUL.
    case invalidPath(path: String)
    case unknownUser(String)
    case unknownGroup(String)
    case system(SystemError)
}

/// A listening Unix socket and its file.
///
/// Rules:
/// 1. The file appears with its final owner and mode; no process can connect before.
/// 2. A socket file that no process listens on is replaced. A socket that a process listens on is not, and neither is
///    any other kind of file. A lock on the directory, held for these few calls, prevents two agents from replacing the
///    same file.
/// 3. At the end the file is removed, but only if it is still this socket's: another agent's file is kept.
package struct SocketFile: ~Copyable, Sendable {
    /// The listening descriptor. The server closes it.
    package let descriptor: CInt
    package let site: ResolvedSocket
    /// Of the socket file when it was created.
    package let identity: FileIdentity

    private let nameIsRemoved = Atomic(false)

    /// Maximum backlog. The kernel limits it to `net.core.somaxconn`.
    private static let backlog: CInt = 4096

    /// Creates the directory if it is missing, and a listening socket in it.
    ///
    /// - Throws: ``SocketFileError``.
    package init(at place: SocketSettings) throws(SocketFileError) { try self.init(at: ResolvedSocket(place)) }

    /// Creates a listening socket with a resolved owner.
    package init(at site: ResolvedSocket) throws(SocketFileError) {
        let path = site.path
        try Self.makeDirectory(site.directory)
        let lock = try DirectoryLock(site.directory)
        defer { lock.release() }

        try Self.removeStale(path)
        let descriptor = try Self.bind(to: path)
        do throws(SocketFileError) {
            guard unsafe lchown(path, site.owner, site.group) == 0 else { throw .system(SystemError("chown", path)) }
            guard unsafe chmod(path, site.mode) == 0 else { throw .system(SystemError("chmod", path)) }
            let identity = try Self.identity(of: path)
            guard listen(descriptor, Self.backlog) == 0 else { throw .system(SystemError("listen on", path)) }
            self.descriptor = descriptor
            self.site = site
            self.identity = identity
        } catch {
            close(descriptor)
            unsafe unlink(path)
            throw error
        }
    }

    /// Removes the file, the first time. Open connections stay open.
    ///
    /// Call before closing the descriptor: afterwards the file system may give the inode to a successor's socket, which
    /// could not be distinguished from this one. Later calls do nothing for the same reason.
    package func removeName() {
        guard !self.nameIsRemoved.exchange(true, ordering: .relaxed) else { return }
        guard self.identity.isAt(self.path) else { return }
        unsafe unlink(self.path)
    }

    package var path: String { self.site.path }

    private static func identity(of path: String) throws(SocketFileError) -> FileIdentity {
        do throws(SystemError) {
            return try FileIdentity(at: path)
        } catch {
            throw .system(error)
        }
    }

    private static func makeDirectory(_ directory: String) throws(SocketFileError) {
        guard unsafe access(directory, F_OK) != 0 else { return }
        if let parent = directory.utf8.lastIndex(of: UInt8(ascii: "/")), parent > directory.startIndex {
            try Self.makeDirectory(String(directory[..<parent]))
        }
        guard unsafe mkdir(directory, 0o755) == 0 || errno == EEXIST else {
            throw .system(SystemError("create directory", directory))
        }
    }

    /// Removes a socket file that no process listens on.
    private static func removeStale(_ path: String) throws(SocketFileError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            guard errno == ENOENT else { throw .system(SystemError("stat", path)) }
            return
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw .notASocket(path: path, kind: Self.kind(of: status.st_mode))
        }
        guard try !Self.isAlive(path) else { throw .inUse(path: path) }
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw .system(SystemError("remove stale socket", path))
        }
    }

    /// Whether connect(2) finds a listener. Only ECONNREFUSED proves that there is none.
    private static func isAlive(_ path: String) throws(SocketFileError) -> Bool {
        let descriptor = socket(
            AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw .system(SystemError("socket for", path)) }
        defer { close(descriptor) }
        let result = unsafe SocketAddress.with(path) { unsafe connect(descriptor, $0, $1) }
        return result == 0 || errno != ECONNREFUSED
    }

    private static func bind(to path: String) throws(SocketFileError) -> CInt {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system(SystemError("socket for", path)) }
        // The file gets its permissions from the descriptor: none until the mode is set.
        guard fchmod(descriptor, 0) == 0,
            unsafe SocketAddress.with(path, { unsafe Glibc.bind(descriptor, $0, $1) }) == 0
        else {
            let code = errno
            close(descriptor)
            throw code == EADDRINUSE ? .inUse(path: path) : .system(SystemError("bind", path, code: code))
        }
        return descriptor
    }

    private static func kind(of mode: mode_t) -> String {
        switch mode & S_IFMT {
        case S_IFDIR: "directory"
        case S_IFREG: "file"
        case S_IFLNK: "symbolic link"
        case S_IFIFO: "pipe"
        default: "device"
        }
    }
}

/// flock(2) on a directory, held while a socket in it is examined and replaced.
private struct DirectoryLock {
    private let descriptor: CInt

    /// Agents hold the lock for a few system calls only.
    private static let patience = Interval.seconds(5)
    /// Pause between two attempts, in microseconds: flock(2) waits without a limit or not at all.
    private static let pause: UInt32 = 5000

    init(_ directory: String) throws(SocketFileError) {
        FileProgress.current?.begin(directory)
        let deadline = Instant.now() + Self.patience
        self.descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard self.descriptor >= 0 else { throw .system(SystemError("open directory", directory)) }
        while flock(self.descriptor, LOCK_EX | LOCK_NB) != 0 {
            let error = SystemError("lock directory", directory)
            guard error.code == EINTR || error.code == EWOULDBLOCK, .now() < deadline else {
                close(self.descriptor)
                throw .system(error)
            }
            usleep(Self.pause)
        }
    }

    func release() { close(self.descriptor) }
}

/// Resolves users and groups to ids. -1 means "unchanged" to chown(2).
private enum Accounts {
    static func userID(_ name: String?) throws(SocketFileError) -> uid_t {
        guard let name else { return uid_t.max }
        if let number = uid_t(name) { return number }
        guard let entry = unsafe getpwnam(name) else { throw .unknownUser(name) }
        return unsafe entry.pointee.pw_uid
    }

    static func groupID(_ name: String?) throws(SocketFileError) -> gid_t {
        guard let name else { return gid_t.max }
        if let number = gid_t(name) { return number }
        guard let entry = unsafe getgrnam(name) else { throw .unknownGroup(name) }
        return unsafe entry.pointee.gr_gid
    }
}
