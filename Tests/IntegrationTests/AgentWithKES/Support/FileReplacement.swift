// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport

/// The ways in which files of a folder are replaced while somebody uses them.
enum FileReplacement: String, Sendable, CaseIterable {
    case inPlace
    case renamedOver
    /// As Kubernetes does it: names are links through `..data`, which is a link to a folder of its own for each state.
    case dataLinkSwapped
    case removedThenCreated

    /// A file's name and contents. They are written in their order.
    typealias File = (name: String, contents: String)

    /// Lays the files out for the first time.
    func prepare(_ files: [File], in folder: TemporaryDirectory) throws {
        if self == .dataLinkSwapped {
            for file in files { try Self.link("..data/\(file.name)", at: folder(file.name)) }
        }
        try self.replace(files, in: folder)
    }

    func replace(_ files: [File], in folder: TemporaryDirectory) throws {
        switch self {
        case .inPlace:
            for file in files { try overwrite(folder(file.name), with: file.contents) }
        case .renamedOver:
            for file in files {
                try folder.write(file.contents, to: ".new")
                try Self.rename(folder(".new"), to: folder(file.name))
            }
        case .dataLinkSwapped:
            let state = "..\([UInt8].random(8).hex())"
            try folder.makeFolder(state)
            for file in files { try folder.write(file.contents, to: "\(state)/\(file.name)") }
            try Self.link(state, at: folder("..data_tmp"))
            let old = try? Self.destination(of: folder("..data"))
            try Self.rename(folder("..data_tmp"), to: folder("..data"))
            if let old {
                for file in files { unsafe unlink(folder("\(old)/\(file.name)")) }
                unsafe rmdir(folder(old))
            }
        case .removedThenCreated:
            for file in files { unsafe unlink(folder(file.name)) }
            for file in files { try folder.write(file.contents, to: file.name) }
        }
    }

    private static func link(_ destination: String, at path: String) throws {
        guard unsafe symlink(destination, path) == 0 else { throw TestFailure.unusable("no link at \(path)") }
    }

    private static func rename(_ old: String, to new: String) throws {
        guard unsafe Glibc.rename(old, new) == 0 else { throw TestFailure.unusable("\(old) is not \(new)") }
    }

    private static func destination(of link: String) throws -> String {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink(link, &bytes, bytes.count)
        guard count > 0 else { throw TestFailure.unusable("\(link) is no link") }
        return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension TestKeyPair {
    /// As the files that a client is configured with.
    var files: [FileReplacement.File] { [("client.crt", self.certificate), ("client.key", self.key)] }
}
