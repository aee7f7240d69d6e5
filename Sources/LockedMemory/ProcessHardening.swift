// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// What a process that holds keys does to itself first.
package enum ProcessHardening {
    /// No core file, no debugger of the same user, /proc/PID closed to everybody but root.
    ///
    /// - Returns: what could not be done, in words, for the log. Empty as a rule.
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

    /// Lets the process open as many descriptors as its hard limit allows: a connection is a descriptor.
    package static func raiseDescriptorLimit() {
        ResourceLimit.openFiles.raise()
    }
}
