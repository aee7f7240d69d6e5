// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Names and paths of files.
package enum Files {
    /// The names in a directory in bytewise order, without `.` and `..`.
    package static func names(in directory: String) throws(SystemError) -> [String] {
        FileProgress.current?.begin(directory)
        guard let stream = unsafe opendir(directory) else { throw SystemError("open", directory) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// An absolute path, independent of the working directory.
    package static func absolutePath(_ path: String) -> String {
        guard !path.hasPrefix("/"), let directory = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(directory) }
        return unsafe "\(String(cString: directory))/\(path)"
    }
}
