// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The handling of SIGPIPE.
package enum BrokenPipes {
    /// Ignores SIGPIPE from now on, so that writing to a closed socket fails instead of ending the process.
    package static func ignore() { signal(SIGPIPE, SIG_IGN) }
}
