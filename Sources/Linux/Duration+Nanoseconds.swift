// SPDX-License-Identifier: Apache-2.0

extension Duration {
    /// Whole nanoseconds, clamped to 64 bits: 292 years.
    ///
    /// Dividing by another duration gives a floating-point number, and takes ten times as long.
    package var nanoseconds: Int { Int(clamping: self.attoseconds / 1_000_000_000) }
}
