// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A regular file, open for reading. The program opens every file that the operator names in this way.
///
/// Other kinds of files are refused without opening them: opening a FIFO waits for its writer, reading one consumes its
/// data, and opening a device may have effects. A file on a network file system may still block, so agents open files
/// on a ``FileWorker``.
package struct RegularFile: ~Copyable, Sendable {
    /// Why a file cannot be opened.
    package enum Failure: Error, Equatable, Sendable {
        case system(SystemError)
        /// The path leads to something other than a file.
        case notRegular(FileKind)
    }

    package let descriptor: Descriptor
    /// At the time of opening. Files of proc(5) have contents but length 0.
    package let byteCount: Int

    /// - Throws: ``Failure``.
    package init(at path: String) throws(Failure) {
        FileProgress.current?.begin(path)
        try Self.check(try Self.wrap { () throws(SystemError) in try FileKind(at: path) })
        // If the path has been replaced meanwhile: do not block, and do not make a terminal the controlling one.
        let number = unsafe open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard number >= 0 else { throw .system(SystemError("open", path)) }
        let descriptor = Descriptor(owning: number)
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { throw .system(SystemError("open", path)) }
        try Self.check(FileKind(status))
        self.descriptor = descriptor
        self.byteCount = Int(status.st_size)
    }

    private static func check(_ kind: FileKind) throws(Failure) {
        guard kind == .file else { throw .notRegular(kind) }
    }

    private static func wrap(_ body: () throws(SystemError) -> FileKind) throws(Failure) -> FileKind {
        do throws(SystemError) {
            return try body()
        } catch {
            throw .system(error)
        }
    }
}

extension RegularFile.Failure {
    /// The reason alone, to follow a path in a message: `permission denied`, `is a FIFO; expected a regular file`.
    package var reason: String {
        switch self {
        case .system(let error): error.reason.prefix(1).lowercased() + error.reason.dropFirst()
        case .notRegular(.fifo):
            "is a FIFO; expected a regular file (write what a shell's <(…) prints to a file first)"
        case .notRegular(let kind): "is \(kind.name); expected a regular file"
        }
    }
}
