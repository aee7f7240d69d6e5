// SPDX-License-Identifier: Apache-2.0

/// Where an answer comes from.
package enum AnswerOrigin: Hashable, Sendable {
    /// The backend, and no cache was asked.
    case bypass
    /// The backend, since no cache had it.
    case miss
    /// The backend, which somebody else had asked the same.
    case coalesced
    /// A cache: the backend vouched for it so many seconds ago.
    case hit(age: Int)
    /// A cache: nobody can be reached who could vouch for it any more.
    case stale(age: Int)
}
