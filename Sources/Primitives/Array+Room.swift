// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
    /// The bytes that `body` appends, at most `byteCount`.
    ///
    /// As the library's own `init(capacity:initializingWith:)`, which makes its buffer in code that is not specialised
    /// for bytes (Swift 6.3): for arrays that are made with every request.
    @inlinable @inline(__always)
    public init<Failure: Error>(
        room byteCount: Int, _ body: (inout OutputSpan<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        var failure: Failure?
        unsafe self.init(unsafeUninitializedCapacity: byteCount) { room, count in
            // Of an array's room there may be more than was asked for.
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

    /// The same for what is written with values of any type.
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
