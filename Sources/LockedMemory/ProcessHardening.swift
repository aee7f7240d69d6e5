// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Protects the process before it holds keys.
package enum ProcessHardening {
    /// Disables core files and debuggers of the same user, and restricts /proc/PID to root.
    ///
    /// - Returns: what failed, as texts for the log. Normally empty.
    package static func apply() -> [String] {
        var failures: [String] = []
        if keyside_forbid_dumping() != 0 {
            failures.append("prctl(PR_SET_DUMPABLE): errno \(errno)")
        }
        if !ResourceLimit.coreFile.forbid() {
            failures.append("setrlimit(RLIMIT_CORE): errno \(errno)")
        }
        return failures
    }

    /// Raises the soft limit on descriptors to the hard limit: each connection needs a descriptor.
    package static func raiseDescriptorLimit() {
        ResourceLimit.openFiles.raise()
    }
}
