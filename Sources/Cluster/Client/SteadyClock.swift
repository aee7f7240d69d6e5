// SPDX-License-Identifier: Apache-2.0

/// Where the time comes from: the machine's clock that never jumps, or a test's.
package protocol SteadyClock: Clock where Instant == ContinuousClock.Instant {}

extension ContinuousClock: SteadyClock {}
