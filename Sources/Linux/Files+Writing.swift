// SPDX-License-Identifier: Apache-2.0

import Glibc

extension Files {
    /// Writes a whole file. Where that fails, none is left behind.
    ///
    /// - Parameters:
    ///   - mode: its permissions, whatever the process's umask is; nobody has others at any moment.
    ///   - replacing: whether a file that is there already is replaced. Else it stays.
    /// - Throws: ``SystemError``, with `EEXIST` where a file stays.
    package static func write(
        _ bytes: Span<UInt8>, to path: String, mode: UInt32, replacing: Bool
    ) throws(SystemError) {
        let place = replacing ? "\(path).\(getpid())" : path
        let number = unsafe open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_t(mode))
        guard number >= 0 else { throw SystemError("create", path) }
        let file = Descriptor(owning: number)
        do throws(SystemError) {
            guard fchmod(file.number, mode_t(mode)) == 0 else { throw SystemError("set permissions of", path) }
            try Self.write(bytes, to: file, named: path)
            guard fsync(file.number) == 0 else { throw SystemError("write", path) }
            if replacing, unsafe rename(place, path) != 0 { throw SystemError("replace", path) }
        } catch {
            unsafe unlink(place)
            throw error
        }
    }

    private static func write(
        _ bytes: Span<UInt8>, to file: borrowing Descriptor, named path: String
    ) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(file.number, buffer.baseAddress.map { unsafe $0 + written }, buffer.count - written)
            }
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                throw SystemError("write", path)
            }
        }
    }

    /// Whether something is at a path, be it a link that leads nowhere.
    package static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0
    }

    /// Makes a directory, and those above it, where there is none.
    package static func makeDirectory(_ path: String) throws(SystemError) {
        guard unsafe access(path, F_OK) != 0 else { return }
        if let parent = path.utf8.lastIndex(of: UInt8(ascii: "/")), parent > path.startIndex {
            try Self.makeDirectory(String(path[..<parent]))
        }
        guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else { throw SystemError("create directory", path) }
    }
}
