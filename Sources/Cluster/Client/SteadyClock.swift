// SPDX-License-Identifier: Apache-2.0

/// A clock that never jumps: the machine's, or a test's.
package protocol SteadyClock: Clock where Instant == ContinuousClock.Instant {}

extension ContinuousClock: SteadyClock {}
