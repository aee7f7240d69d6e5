// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Overwrites memory with zeros. The optimiser cannot remove it: explicit_bzero(3).
package func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    unsafe keyside_wipe(start, bytes.count)
}
