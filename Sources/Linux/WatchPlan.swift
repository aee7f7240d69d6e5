// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Which directories must be watched to see every change of what some paths lead to.
///
/// A path leads to something else not only when its file is written, but when any step on the way is: a directory renamed, a
/// symbolic link replaced, as Kubernetes replaces `..data`. So each directory on the way is watched, links followed, for the
/// one name in it that the way goes through; and a directory at a way's end, for every name.
struct WatchPlan: Equatable {
    struct Directory: Equatable {
        /// The names that matter.
        fileprivate(set) var names: Set<String> = []
        /// Whether every name does.
        fileprivate(set) var isEnd = false
        /// Whether a way's last step is in it, so that also what is written into a file matters.
        fileprivate(set) var holdsEnd = false

        func concerns(_ name: String) -> Bool { self.isEnd || self.names.contains(name) }
    }

    /// By path, without symbolic links.
    private(set) var directories: [String: Directory] = [:]

    /// As many as the kernel follows: path_resolution(7).
    private static let linksMax = 40

    /// Looks at the ways as they are now. What is missing ends a way; its name is watched for.
    ///
    /// - Parameter paths: absolute ones.
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

    /// The last one first.
    private static func steps(of path: String) -> [String] {
        path.split(separator: "/").reversed().map(String.init).filter { $0 != "." }
    }

    /// What one name stands for.
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
