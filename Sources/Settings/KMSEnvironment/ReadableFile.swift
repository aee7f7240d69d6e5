// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockedMemory

/// A file named by a variable or flag: what is in it, or why that is not known.
enum ReadableFile {
    case contents(SharedSecret)
    /// There is nothing of this name. `reason` is in MinIO's words, as is the other.
    case missing(reason: String)
    case unreadable(reason: String)

    /// Reads a file whose contents are secret.
    ///
    /// - Throws: only for want of locked memory.
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
