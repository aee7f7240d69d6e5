// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockedMemory

/// A file that a variable or flag names: its contents, or why they cannot be read.
enum ReadableFile {
    case contents(SharedSecret)
    /// The file does not exist. `reason` is in MinIO's words, as in the other case.
    case missing(reason: String)
    case unreadable(reason: String)

    /// Reads a file with secret contents.
    ///
    /// - Throws: only for lack of locked memory.
    init(path: String, byteCountMax: Int, memory: SecretMemory) throws(LockedMemoryError) {
        do throws(SecretFile.Failure) {
            let contents = try SecretFile.read(path: path, byteCountMax: byteCountMax, into: memory)
            self = .contents(SharedSecret(contents))
        } catch {
            switch error {
            case .memory(let error): throw error
            case .system(ENOENT): self = .missing(reason: "open \(path): \(error.reason)")
            case .system(EISDIR): self = .unreadable(reason: "read \(path): \(error.reason)")
            case .system: self = .unreadable(reason: "open \(path): \(error.reason)")
            case .notRegular: self = .unreadable(reason: "\(path) \(error.reason)")
            case .tooLarge: self = .unreadable(reason: "\(path) is \(error.reason)")
            }
        }
    }
}
