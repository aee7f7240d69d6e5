// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockedMemory
import Testing

/// What an exit test does to its own process first.
enum TestProcess {
    /// Lets the process lock no more than `byteCount` bytes: root may lock what it likes, so root becomes nobody.
    static func limitLockedMemory(to byteCount: Int) throws {
        var limits = rlimit(rlim_cur: rlim_t(byteCount), rlim_max: rlim_t(byteCount))
        try #require(setrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limits) == 0)
        if geteuid() == 0 { try #require(setuid(65534) == 0) }
    }

    /// memfd_secret(2) needs a descriptor. Where there is none, mlock2(2) has to do.
    static func withoutDescriptors<Value: ~Copyable>(_ body: () throws -> Value) throws -> Value {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limits = rlimit()
        try #require(getrlimit(resource, &limits) == 0)
        var none = rlimit(rlim_cur: 0, rlim_max: limits.rlim_max)
        try #require(setrlimit(resource, &none) == 0)
        defer { setrlimit(resource, &limits) }
        return try body()
    }
}

/// `count` bytes, none of them zero, that differ with `seed`.
func pattern(_ count: Int, seed: Int = 1) -> [UInt8] {
    (0..<count).map { UInt8(($0 &* 31 &+ seed &* 17) % 255 + 1) }
}

/// Whether a process that stopped said why.
func said(_ text: String, _ result: ExitTest.Result?) -> Bool {
    guard let result else { return false }
    return String(decoding: result.standardErrorContent, as: UTF8.self).contains(text)
}
