// SPDX-License-Identifier: Apache-2.0

import CProcessStart

/// The arguments of this process, from the kernel.
///
/// `CommandLine.arguments` reads /proc/self/cmdline, so it is empty if /proc is not mounted.
package enum ProcessArguments {
    /// All arguments after the program name. Invalid UTF-8 is repaired with U+FFFD.
    package static var afterProgramName: [String] {
        guard let arguments = unsafe keyside_arguments() else { return [] }
        return (0..<Int(keyside_argument_count())).dropFirst()
            .compactMap { index in unsafe arguments[index].map { unsafe String(cString: $0) } }
    }
}
