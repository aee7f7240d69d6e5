// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Files whose contents are secret, read without a buffer in between.
package enum SecretFile {
    /// Why a file could not be read.
    package enum Failure: Error, Equatable, Sendable {
        /// open(2), fstat(2) or read(2) failed with this `errno`.
        case system(Int32)
        /// There is something else than a file at the path.
        case notAFile
        /// Longer than the caller allows.
        case tooLarge(byteCountMax: Int)
        case memory(LockedMemoryError)

        /// The reason alone, to stand behind a path: `permission denied`.
        package var reason: String {
            switch self {
            case .system(let code):
                let text = unsafe String(cString: strerror(code))
                return text.prefix(1).lowercased() + text.dropFirst()
            case .notAFile: return "not a file"
            case .tooLarge(let byteCountMax): return "longer than \(byteCountMax) bytes"
            case .memory: return "no locked memory left to read it into"
            }
        }
    }

    /// Reads a whole file into locked memory. Pipes and other special files, as `/dev/stdin` or a shell's `<(…)`, are
    /// read to their end.
    ///
    /// - Throws: ``Failure``.
    package static func read(
        path: String, byteCountMax: Int, into memory: SecretMemory
    ) throws(Failure) -> Secret {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .system(errno) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw .system(EISDIR) }
        // A block that is outgrown stays with the heap: better to ask for the right one at once.
        return try Self.read(
            descriptor: descriptor, byteCountMax: byteCountMax, expecting: max(4095, Int(status.st_size)), into: memory)
    }

    /// Reads a descriptor to its end into locked memory.
    ///
    /// - Parameter expecting: how many bytes there probably are.
    /// - Throws: ``Failure``; `.notAFile` never.
    package static func read(
        descriptor: CInt, byteCountMax: Int, expecting: Int = 4095, into memory: SecretMemory
    ) throws(Failure) -> Secret {
        do {
            // One byte more than allowed: so that a file of exactly the limit is told from a longer one.
            var capacity = min(expecting, byteCountMax) + 1
            var secret = try Secret(byteCount: capacity, in: memory)
            var filled = 0
            while true {
                let count = try Self.readOnce(descriptor: descriptor, into: &secret, from: filled)
                if count == 0 { break }
                filled += count
                guard filled <= byteCountMax else { throw Failure.tooLarge(byteCountMax: byteCountMax) }
                guard filled == capacity else { continue }
                capacity = min(capacity * 2, byteCountMax + 1)
                var larger = try Secret(byteCount: capacity, in: memory)
                secret.withBytes { old in
                    larger.withMutableBytes { new in
                        for index in old.indices { new[index] = old[index] }
                    }
                }
                secret = larger
            }
            secret.truncate(to: filled)
            return secret
        } catch let failure as Failure {
            throw failure
        } catch let failure as LockedMemoryError {
            throw .memory(failure)
        } catch {
            throw .system(EIO)
        }
    }

    private static func readOnce(
        descriptor: CInt, into secret: inout Secret, from offset: Int
    ) throws(Failure) -> Int {
        while true {
            let count = unsafe secret.withUnsafeMutableBytes { bytes in
                guard let start = bytes.baseAddress else { return 0 }
                return unsafe Glibc.read(descriptor, start + offset, bytes.count - offset)
            }
            if count >= 0 { return count }
            guard errno == EINTR else { throw .system(errno) }
        }
    }
}
