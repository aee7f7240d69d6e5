// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
    /// The bytes that `body` appends, at most `byteCount`.
    ///
    /// Replaces the standard library's `init(capacity:initializingWith:)`, whose buffer code is not specialised for
    /// bytes (Swift 6.3), for arrays that every request creates.
    @inlinable @inline(__always)
    public init<Failure: Error>(
        room byteCount: Int, _ body: (inout OutputSpan<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        var failure: Failure?
        unsafe self.init(unsafeUninitializedCapacity: byteCount) { room, count in
            // The array may have more capacity than requested.
            var output = unsafe OutputSpan(
                buffer: UnsafeMutableBufferPointer(rebasing: room[..<byteCount]), initializedCount: 0)
            do throws(Failure) {
                try body(&output)
            } catch {
                failure = error
            }
            count = unsafe output.finalize(for: UnsafeMutableBufferPointer(rebasing: room[..<byteCount]))
        }
        if let failure { throw failure }
    }

    /// As above, for a body that appends values of any type.
    @inlinable @inline(__always)
    public init(rawRoom byteCount: Int, _ body: (inout OutputRawSpan) -> Void) {
        unsafe self.init(unsafeUninitializedCapacity: byteCount) { room, count in
            let bytes = unsafe UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: room[..<byteCount]))
            var output = unsafe OutputRawSpan(buffer: bytes, initializedCount: 0)
            body(&output)
            count = unsafe output.finalize(for: bytes)
        }
    }
}
