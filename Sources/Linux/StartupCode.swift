// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Code that runs only at start: most of the program, about ten megabytes of resident memory.
package enum StartupCode {
    /// Releases that memory. Code that runs again is mapped again on demand.
    package static func release() { keyside_release_code() }
}
