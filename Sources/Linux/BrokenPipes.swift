// SPDX-License-Identifier: Apache-2.0

import Glibc

package enum BrokenPipes {
    /// Has writing to somebody who has gone fail, in place of ending the process: SIGPIPE is ignored from now on.
    package static func ignore() { signal(SIGPIPE, SIG_IGN) }
}
