// SPDX-License-Identifier: Apache-2.0

import LockedMemory
package import NIOCore

extension ByteBuffer {
    /// Overwrites everything that was written to this buffer, read since or not, where it lies: also for other holders
    /// of the same storage. To be called when nobody will look at the bytes again.
    ///
    /// The mutating accessors of `ByteBuffer` copy storage that is shared, and NIO shares what it reads and what it
    /// writes: they would wipe the copy. So the storage is written through the pointer that is meant for reading.
    package func wipeInPlace() {
        unsafe self.withVeryUnsafeBytes { storage in
            let written = unsafe UnsafeRawBufferPointer(rebasing: storage[..<self.writerIndex])
            unsafe wipe(UnsafeMutableRawBufferPointer(mutating: written))
        }
    }

    /// Wipes and empties the buffer, if nobody else holds its storage.
    ///
    /// Whoever has handed a buffer to a channel learns so that the channel has let go of it: that it is written.
    ///
    /// - Returns: false if somebody does. Nothing is changed then.
    package mutating func recycleIfUnshared() -> Bool {
        let isRecycled: Bool? = self.modifyIfUniquelyOwned { buffer in
            buffer.wipeInPlace()
            buffer.clear()
            return true
        }
        return isRecycled ?? false
    }
}
