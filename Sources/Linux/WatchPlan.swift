// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The directories to watch to notice every change of the targets of some paths.
///
/// A target changes not only when its file is written, but also when a step on the way changes: a directory is renamed,
/// or a symbolic link is replaced, as Kubernetes does with `..data`. So each directory on the way is watched, following
/// links, for the one name in it that is on the way; a directory that is itself the target is watched for every name.
struct WatchPlan: Equatable {
    struct Directory: Equatable {
        /// The relevant names.
        fileprivate(set) var names: Set<String> = []
        /// Whether every name is relevant.
        fileprivate(set) var isEnd = false
        /// Whether the last step of a way is in it, so that writes to a file are relevant too.
        fileprivate(set) var holdsEnd = false

        func concerns(_ name: String) -> Bool { self.isEnd || self.names.contains(name) }
    }

    /// By path, without symbolic links.
    private(set) var directories: [String: Directory] = [:]

    /// The kernel's limit: path_resolution(7).
    private static let linksMax = 40

    /// Resolves the paths as they are now. A way ends at a missing name, which is watched.
    ///
    /// - Parameter paths: absolute paths.
    init(_ paths: [String]) {
        for path in paths { self.follow(path) }
    }

    private mutating func follow(_ path: String) {
        var directory = "/"
        var steps = Self.steps(of: path)
        var links = 0
        while let name = steps.popLast() {
            if name == ".." {
                directory = String(directory[..<(directory.lastIndex(of: "/") ?? directory.startIndex)])
                if directory.isEmpty { directory = "/" }
                continue
            }
            self.directories[directory, default: Directory()].names.insert(name)
            let here = directory == "/" ? "/\(name)" : "\(directory)/\(name)"
            switch Step(at: here) {
            case .link(let target):
                links += 1
                guard links <= Self.linksMax else { return }
                if target.hasPrefix("/") { directory = "/" }
                steps += Self.steps(of: target)
            case .directory:
                directory = here
                if steps.isEmpty { self.directories[directory, default: Directory()].isEnd = true }
            case .other:
                self.directories[directory, default: Directory()].holdsEnd = true
                return
            case .missing:
                return
            }
        }
    }

    /// In reverse order.
    private static func steps(of path: String) -> [String] {
        path.split(separator: "/").reversed().map(String.init).filter { $0 != "." }
    }

    /// The kind of file that a name leads to.
    private enum Step {
        case directory
        case link(String)
        case other
        case missing

        init(at path: String) {
            var status = stat()
            guard unsafe lstat(path, &status) == 0 else {
                self = .missing
                return
            }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: self = .directory
            case S_IFLNK: self = Self.target(of: path).map(Self.link) ?? .missing
            case _: self = .other
            }
        }

        private static func target(of path: String) -> String? {
            var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = unsafe readlink(path, &bytes, bytes.count)
            return count > 0 ? String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
        }
    }
}
