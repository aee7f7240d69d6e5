// SPDX-License-Identifier: Apache-2.0

/// An instant in 16 bytes whose layout is known when this module is compiled.
///
/// That of `ContinuousClock.Instant` is known only at run time, and so is that of everything which holds one: each access
/// to an optional or an enum of it goes through calls of the runtime, on the way of every request.
struct StoredInstant: Sendable {
    private static let origin = ContinuousClock.now
    private let sinceOrigin: Duration

    init(_ instant: ContinuousClock.Instant) { self.sinceOrigin = instant - Self.origin }

    var instant: ContinuousClock.Instant { Self.origin + self.sinceOrigin }
}
