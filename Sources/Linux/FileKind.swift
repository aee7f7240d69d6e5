// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The kind of file that a path leads to, following symbolic links.
package enum FileKind: Equatable, Sendable {
    case file
    case directory
    case fifo
    case socket
    case device

    /// - Throws: ``SystemError`` if there is nothing, or it cannot be reached.
    package init(at path: String) throws(SystemError) {
        FileProgress.current?.begin(path)
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw SystemError("open", path) }
        self.init(status)
    }

    init(_ status: stat) {
        self =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFIFO: .fifo
            case S_IFSOCK: .socket
            case _: .device
            }
    }

    /// With an article: `a FIFO`.
    package var name: String {
        switch self {
        case .file: "a regular file"
        case .directory: "a directory"
        case .fifo: "a FIFO"
        case .socket: "a socket"
        case .device: "a device"
        }
    }
}
