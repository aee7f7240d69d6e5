// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Code that only the start has run: most of the program, and some ten megabytes of memory that look like its own.
package enum StartupCode {
    /// Gives the memory back. What is run again is mapped again as it is reached.
    package static func release() { keyside_release_code() }
}
