// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What stands at a path, symbolic links followed.
package enum FileKind: Equatable, Sendable {
    case file
    case folder
    /// A pipe, a device, a socket.
    case other

    /// - Throws: ``SystemError`` when there is nothing, or it cannot be reached.
    package init(at path: String) throws(SystemError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw SystemError("open", path) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: self = .file
        case S_IFDIR: self = .folder
        case _: self = .other
        }
    }
}
