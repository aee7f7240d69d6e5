// SPDX-License-Identifier: Apache-2.0

import Glibc

/// getrlimit(2) and setrlimit(2), whose constants Swift imports as a type of their own.
package enum ResourceLimit: Sendable {
    case lockedMemory
    case coreFile
    case openFiles

    private var resource: __rlimit_resource_t {
        switch self {
        case .lockedMemory: __rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue)
        case .coreFile: __rlimit_resource_t(RLIMIT_CORE.rawValue)
        case .openFiles: __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        }
    }

    /// The soft limit; nil if there is none or it cannot be read.
    package var current: Int? {
        var limits = rlimit()
        guard unsafe getrlimit(self.resource, &limits) == 0, limits.rlim_cur < rlim_t(Int.max) else { return nil }
        return Int(limits.rlim_cur)
    }

    /// Sets the soft and the hard limit to 0.
    func forbid() -> Bool {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        return unsafe setrlimit(self.resource, &none) == 0
    }

    /// Raises the soft limit to the hard limit.
    func raise() {
        var limits = rlimit()
        guard unsafe getrlimit(self.resource, &limits) == 0, limits.rlim_cur < limits.rlim_max else { return }
        limits.rlim_cur = limits.rlim_max
        unsafe setrlimit(self.resource, &limits)
    }
}
