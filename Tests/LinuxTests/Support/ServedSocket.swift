// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Synchronization

/// A socket and the process behind it: it stops when it is told to or forgotten, and leaves its name behind.
final class ServedSocket: Sendable {
    let file: SocketFile

    private let hasStopped = Atomic(false)

    init(_ place: SocketPlace) throws(SocketFileError) { self.file = try SocketFile(at: place) }

    deinit { self.stop() }

    func stop() {
        guard !self.hasStopped.exchange(true, ordering: .relaxed) else { return }
        close(self.file.descriptor)
    }
}

/// What lstat(2) says; nil if there is nothing.
func fileStatus(of path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
}

extension SocketFileError {
    /// The system call that failed, if that is it.
    var systemError: SystemError? {
        guard case .system(let error) = self else { return nil }
        return error
    }
}

extension Result where Failure == SocketFileError {
    var error: SocketFileError? {
        guard case .failure(let error) = self else { return nil }
        return error
    }
}

/// A connection to `path`; nil, and `errno`, if nobody listens.
func openConnection(to path: String) -> CInt? {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    guard result == 0 else {
        let code = errno
        close(descriptor)
        errno = code
        return nil
    }
    return descriptor
}

/// 0 if somebody listens at `path`, else why not.
func connect(to path: String) -> Int32 {
    guard let descriptor = openConnection(to: path) else { return errno }
    close(descriptor)
    return 0
}
