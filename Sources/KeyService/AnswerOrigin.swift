// SPDX-License-Identifier: Apache-2.0

/// The source of an answer.
package enum AnswerOrigin: Hashable, Sendable {
    /// The backend; there is no cache.
    case bypass
    /// The backend, because the cache had no answer.
    case miss
    /// The backend, through an identical request of another caller.
    case coalesced
    /// The cache. `age` is the time in seconds since the backend last confirmed the answer.
    case hit(age: Int)
    /// The cache, although the answer is older than allowed, because no key server can be reached.
    case stale(age: Int)
}
