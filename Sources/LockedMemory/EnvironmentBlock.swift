// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// The environment block of the process as the kernel laid it out: `NAME=VALUE\0` strings, visible in
/// /proc/PID/environ.
package enum EnvironmentBlock {
    /// The value of a variable. A secret value is in locked memory.
    package enum Value: Sendable {
        case text(String)
        case secret(SharedSecret)
    }

    /// Reads every variable. Values of variables for which `isSecret` returns true are copied to locked memory and
    /// never into a `String`; with `wiping`, they are then overwritten in the block and the variable is unset.
    ///
    /// The first of several variables with the same name counts, as in getenv(3). Names and values that are not UTF-8
    /// are repaired with U+FFFD.
    ///
    /// Call before other threads read the environment.
    package static func read(
        isSecret: (String) -> Bool, wiping: Bool, into memory: SecretMemory
    ) throws(LockedMemoryError) -> [String: Value] {
        var values: [String: Value] = [:]
        var secretNames: [String] = []
        try unsafe Self.forEachEntry { name, value throws(LockedMemoryError) in
            guard isSecret(name) else {
                if values[name] == nil { unsafe values[name] = .text(String(cString: value)) }
                return
            }
            let byteCount = unsafe strlen(value)
            if values[name] == nil {
                let bytes = unsafe Span(
                    _unsafeStart: UnsafeRawPointer(value).assumingMemoryBound(to: UInt8.self), count: byteCount)
                values[name] = .secret(SharedSecret(try Secret(copying: bytes, in: memory)))
            }
            if wiping {
                unsafe keyside_wipe(value, byteCount)
                secretNames.append(name)
            }
        }
        for name in secretNames { unsafe unsetenv(name) }
        return values
    }

    /// Variables that are needed before there is locked memory. Not for secrets.
    package static func texts(where isWanted: (String) -> Bool) -> [String: String] {
        var texts: [String: String] = [:]
        unsafe Self.forEachEntry { name, value in
            guard isWanted(name), texts[name] == nil else { return }
            unsafe texts[name] = String(cString: value)
        }
        return texts
    }

    /// Calls `body` with each name and its value, a C string in the block itself. Entries without `=` are skipped.
    private static func forEachEntry<Failure: Error>(
        _ body: (String, UnsafeMutablePointer<CChar>) throws(Failure) -> Void
    ) throws(Failure) {
        var entry = unsafe keyside_environment()
        while let current = unsafe entry, let text = unsafe current.pointee {
            defer { unsafe entry = unsafe current + 1 }
            guard let separator = unsafe strchr(text, CInt(UInt8(ascii: "="))) else { continue }
            let name = unsafe String(
                decoding: UnsafeRawBufferPointer(start: text, count: separator - text), as: UTF8.self)
            try unsafe body(name, separator + 1)
        }
    }
}
