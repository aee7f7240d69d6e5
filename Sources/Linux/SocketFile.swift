// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Where a Unix socket is to stand, and who may connect.
package struct SocketPlace: Equatable, Sendable {
    package var path: String
    /// Permission bits, as `0o660`. Connecting takes write permission.
    package var mode: UInt32
    /// User and group to give it to; nil leaves the process's own.
    package var owner: String?
    package var group: String?

    package init(path: String, mode: UInt32, owner: String? = nil, group: String? = nil) {
        self.path = path
        self.mode = mode
        self.owner = owner
        self.group = group
    }
}

/// Why there is no socket at a place.
package enum SocketFileError: Error, Equatable, Sendable {
    /// Somebody accepts connections there.
    case inUse(path: String)
    /// Something that is not a socket stands there; it is left alone. `kind` is what: `directory`, `file`, …
    case notASocket(path: String, kind: String)
    /// The path is longer than the 107 bytes that a socket address holds, empty, relative, abstract, or has a NUL in it.
    case invalidPath(path: String)
    case unknownUser(String)
    case unknownGroup(String)
    case system(SystemError)
}

/// A listening Unix socket and its name in the file system.
///
/// Rules:
/// 1. The name appears with its final owner and mode; nobody can connect before.
/// 2. A name that a dead process left is taken over; one that somebody listens on is not, and neither is anything that
///    is no socket. A lock on the folder, held for these few calls, keeps two agents from taking over the same name.
/// 3. At the end the name is removed, but only if it is still this socket's: an agent that took over keeps its own.
package struct SocketFile: ~Copyable, Sendable {
    /// The listening descriptor. Whoever serves it closes it.
    package let descriptor: CInt
    package let path: String

    private let device: dev_t
    private let inode: ino_t
    private let nameIsRemoved = Atomic(false)

    /// How many connections may wait to be accepted. The kernel caps it at `net.core.somaxconn`.
    private static let backlog: CInt = 4096

    /// Makes the folder if there is none, and a listening socket in it.
    ///
    /// - Throws: ``SocketFileError``.
    package init(at place: SocketPlace) throws(SocketFileError) {
        let path = place.path
        guard path.hasPrefix("/"), !path.utf8.contains(0),
            path.utf8.count <= SocketAddress.byteCountMax
        else {
            throw .invalidPath(path: path)
        }
        let owner = try Accounts.userID(place.owner)
        let group = try Accounts.groupID(place.group)
        let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? ""
        try Self.makeFolder(folder.isEmpty ? "/" : folder)
        let lock = try FolderLock(folder.isEmpty ? "/" : folder)
        defer { lock.release() }

        try Self.removeStale(path)
        let descriptor = try Self.bind(to: path)
        do throws(SocketFileError) {
            var status = stat()
            guard unsafe lchown(path, owner, group) == 0 else { throw .system(SystemError("chown", path)) }
            guard unsafe chmod(path, mode_t(place.mode)) == 0 else { throw .system(SystemError("chmod", path)) }
            guard unsafe lstat(path, &status) == 0 else { throw .system(SystemError("stat", path)) }
            guard listen(descriptor, Self.backlog) == 0 else { throw .system(SystemError("listen on", path)) }
            self.descriptor = descriptor
            self.path = path
            self.device = status.st_dev
            self.inode = status.st_ino
        } catch {
            close(descriptor)
            unsafe unlink(path)
            throw error
        }
    }

    /// Takes the name away, the first time. Connections that are open stay open.
    ///
    /// To be called before the descriptor is closed: afterwards the file system may give the inode to a successor's
    /// socket, which could not be told from this one. That is also why there is no second time.
    package func removeName() {
        guard !self.nameIsRemoved.exchange(true, ordering: .relaxed) else { return }
        var status = stat()
        guard unsafe lstat(self.path, &status) == 0, status.st_dev == self.device, status.st_ino == self.inode else {
            return
        }
        unsafe unlink(self.path)
    }

    private static func makeFolder(_ folder: String) throws(SocketFileError) {
        guard unsafe access(folder, F_OK) != 0 else { return }
        if let parent = folder.utf8.lastIndex(of: UInt8(ascii: "/")), parent > folder.startIndex {
            try Self.makeFolder(String(folder[..<parent]))
        }
        guard unsafe mkdir(folder, 0o755) == 0 || errno == EEXIST else {
            throw .system(SystemError("make folder", folder))
        }
    }

    /// Removes a socket that nobody listens on.
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

    /// Whether connect(2) finds a listener. Only a refusal proves that there is none.
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
        // The name takes its permissions from the descriptor: none for anybody until the mode is set.
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

/// flock(2) on a folder, for as long as a socket in it is looked at and replaced.
private struct FolderLock {
    private let descriptor: CInt

    init(_ folder: String) throws(SocketFileError) {
        self.descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard self.descriptor >= 0 else { throw .system(SystemError("open folder", folder)) }
        while flock(self.descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                let error = SystemError("lock folder", folder)
                close(self.descriptor)
                throw .system(error)
            }
        }
    }

    func release() { close(self.descriptor) }
}

/// Names of users and groups, or numbers, as ids. -1 means "leave as it is" to chown(2).
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
