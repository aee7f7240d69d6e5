// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Environment variables that change the behaviour of libraries in this process: write TLS secrets to a file, load
/// code, resolve other names. The program removes them before a library starts.
package enum LibraryEnvironment {
    /// Names of the removed variables, sorted. The first access removes them, and must happen before other threads
    /// start.
    package static let removed: [String] = Self.remove()

    /// Variables that are removed, except ``isKept(_:)``. A trailing `*` matches any continuation.
    private static let patterns = [
        "SSLKEYLOGFILE", "CURL_*", "QLOGDIR",  // libcurl
        "OPENSSL_*", "RANDFILE", "CTLOG_FILE",  // OpenSSL
        "NGHTTP2_*",  // nghttp2
        "HOSTALIASES", "LOCALDOMAIN", "RESOLV_*",  // glibc's resolver; RES_OPTIONS is the operator's
        "SYSTEMD_LOG_*",  // libsystemd
    ]

    /// The choice of machine instructions in OpenSSL is no risk, and operators set it to avoid faulty ones.
    private static func isKept(_ name: String) -> Bool { name.hasPrefix("OPENSSL_ia32cap") || name == "OPENSSL_armcap" }

    /// Whether the program removes a variable of this name.
    package static func isRemoved(_ name: String) -> Bool {
        !Self.isKept(name)
            && Self.patterns.contains { $0.hasSuffix("*") ? name.hasPrefix($0.dropLast()) : name == $0 }
    }

    /// Short timeouts, because libcurl uses a thread for each lookup, which outlives its transfer. glibc's default is 5
    /// s for each of two attempts. An operator's `RES_OPTIONS` has precedence.
    private static let resolverOptions = "timeout:1 attempts:2"

    private static func remove() -> [String] {
        var names: Set<String> = []
        var entry = unsafe keyside_environment()
        while let current = unsafe entry, let text = unsafe current.pointee {
            defer { unsafe entry = unsafe current + 1 }
            guard let separator = unsafe strchr(text, CInt(UInt8(ascii: "="))) else { continue }
            let name = unsafe String(
                decoding: UnsafeRawBufferPointer(start: text, count: separator - text), as: UTF8.self)
            if Self.isRemoved(name) { names.insert(name) }
        }
        for name in names { unsafe unsetenv(name) }
        unsafe setenv("RES_OPTIONS", Self.resolverOptions, 0)
        return names.sorted()
    }
}
