// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What lstat(2) says of a path.
package struct FileStatus: Equatable {
    package enum Kind: Equatable { case socket, file, folder, other }

    package let kind: Kind
    /// Permission bits.
    package let mode: UInt32
    package let owner: UInt32
    package let group: UInt32
    package let device: UInt64
    package let inode: UInt64

    /// Nil if there is nothing.
    package init?(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return nil }
        self.kind =
            switch status.st_mode & S_IFMT {
            case S_IFSOCK: .socket
            case S_IFREG: .file
            case S_IFDIR: .folder
            case _: .other
            }
        self.mode = status.st_mode & 0o7777
        self.owner = status.st_uid
        self.group = status.st_gid
        self.device = UInt64(status.st_dev)
        self.inode = UInt64(status.st_ino)
    }
}
