// SPDX-License-Identifier: Apache-2.0

import CProcessStart

/// The arguments that the kernel passed to this process.
///
/// `CommandLine.arguments` reads /proc/self/cmdline, so it is empty where /proc is not mounted.
package enum ProcessArguments {
    /// Everything after the program's name. Invalid UTF-8 is repaired with U+FFFD.
    package static var afterProgramName: [String] {
        guard let arguments = unsafe keyside_arguments() else { return [] }
        return (0..<Int(keyside_argument_count())).dropFirst()
            .compactMap { index in unsafe arguments[index].map { unsafe String(cString: $0) } }
    }
}
