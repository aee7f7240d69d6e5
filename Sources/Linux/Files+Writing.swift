// SPDX-License-Identifier: Apache-2.0

import Glibc

extension Files {
    /// Writes a whole file. On failure, no file is left.
    ///
    /// - Parameters:
    ///   - mode: its permissions, regardless of the umask, from its creation on.
    ///   - replacing: whether to replace an existing file.
    /// - Throws: ``SystemError``, with `EEXIST` if a file exists and is not replaced.
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

    /// Whether the path exists, a broken link included.
    package static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0
    }

    /// Creates a directory and its parents if they are missing.
    package static func makeDirectory(_ path: String) throws(SystemError) {
        guard unsafe access(path, F_OK) != 0 else { return }
        if let parent = path.utf8.lastIndex(of: UInt8(ascii: "/")), parent > path.startIndex {
            try Self.makeDirectory(String(path[..<parent]))
        }
        guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else { throw SystemError("create directory", path) }
    }
}
