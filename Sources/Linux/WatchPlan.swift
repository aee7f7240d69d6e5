// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Which folders must be watched to see every change of what some paths lead to.
///
/// A path leads to something else not only when its file is written, but when any step on the way is: a folder renamed, a
/// symbolic link replaced, as Kubernetes replaces `..data`. So each folder on the way is watched, links followed, for the
/// one name in it that the way goes through; and a folder at a way's end, for every name.
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
    private(set) var folders: [String: Directory] = [:]

    /// As many as the kernel follows: path_resolution(7).
    private static let linksMax = 40

    /// Looks at the ways as they are now. What is missing ends a way; its name is watched for.
    ///
    /// - Parameter paths: absolute ones.
    init(_ paths: [String]) {
        for path in paths { self.follow(path) }
    }

    private mutating func follow(_ path: String) {
        var folder = "/"
        var steps = Self.steps(of: path)
        var links = 0
        while let name = steps.popLast() {
            if name == ".." {
                folder = String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)])
                if folder.isEmpty { folder = "/" }
                continue
            }
            self.folders[folder, default: Directory()].names.insert(name)
            let here = folder == "/" ? "/\(name)" : "\(folder)/\(name)"
            switch Step(at: here) {
            case .link(let target):
                links += 1
                guard links <= Self.linksMax else { return }
                if target.hasPrefix("/") { folder = "/" }
                steps += Self.steps(of: target)
            case .folder:
                folder = here
                if steps.isEmpty { self.folders[folder, default: Directory()].isEnd = true }
            case .other:
                self.folders[folder, default: Directory()].holdsEnd = true
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
        case folder
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
            case S_IFDIR: self = .folder
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
