// SPDX-License-Identifier: Apache-2.0

import Glibc
package import Linux

/// Files with secret contents, read directly into locked memory.
package enum SecretFile {
    /// Why a file could not be read.
    package enum Failure: Error, Equatable, Sendable {
        /// open(2), fstat(2) or read(2) failed with this `errno`.
        case system(Int32)
        /// The path leads to something other than a file or a directory.
        case notRegular(FileKind)
        /// Longer than the caller allows.
        case tooLarge(byteCountMax: Int)
        case memory(LockedMemoryError)

        /// The reason alone, to follow a path in a message: `permission denied`.
        package var reason: String {
            switch self {
            case .system(let code):
                let text = unsafe String(cString: strerror(code))
                return text.prefix(1).lowercased() + text.dropFirst()
            case .notRegular(let kind): return RegularFile.Failure.notRegular(kind).reason
            case .tooLarge(let byteCountMax): return "longer than \(byteCountMax) bytes"
            case .memory: return "no locked memory left to read it into"
            }
        }

        /// What an operator can do about it.
        package var remedy: String {
            switch self {
            case .system(ENOENT), .system(ENOTDIR): "use an existing file"
            case .system(EACCES), .system(EPERM):
                "make it readable by the agent's user (for example owner root, group keyside, mode 0640)"
            case .system, .notRegular: "use another file"
            case .tooLarge: "use the right file, or split it"
            case .memory: "increase LimitMEMLOCK= and memory.locked_max"
            }
        }
    }

    /// Reads a whole regular file into locked memory.
    ///
    /// - Throws: ``Failure``; `.system(EISDIR)` for a directory.
    package static func read(
        path: String, byteCountMax: Int, into memory: SecretMemory
    ) throws(Failure) -> Secret {
        let file = try Self.open(path)
        // Growing would leave blocks of other sizes in the heap, so allocate the right size at once.
        return try Self.read(
            descriptor: file.descriptor.number, byteCountMax: byteCountMax, expecting: max(4095, file.byteCount),
            into: memory)
    }

    private static func open(_ path: String) throws(Failure) -> RegularFile {
        do throws(RegularFile.Failure) {
            return try RegularFile(at: path)
        } catch {
            switch error {
            case .system(let error): throw .system(error.code)
            case .notRegular(.directory): throw .system(EISDIR)
            case .notRegular(let kind): throw .notRegular(kind)
            }
        }
    }

    /// Reads a descriptor to its end into locked memory.
    ///
    /// - Parameter expecting: the probable number of bytes.
    /// - Throws: ``Failure``, except `.notRegular`.
    package static func read(
        descriptor: CInt, byteCountMax: Int, expecting: Int = 4095, into memory: SecretMemory
    ) throws(Failure) -> Secret {
        do {
            // One byte more than allowed, to distinguish a file of exactly the limit from a longer one.
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
