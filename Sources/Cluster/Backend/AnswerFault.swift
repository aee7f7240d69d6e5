// SPDX-License-Identifier: Apache-2.0

package import KeyService

/// What a backend says of an answer that does not hold what was asked for.
package enum AnswerFault: Error, Equatable, Sendable {
    /// The server is healthy and refuses this request. `maySucceedElsewhere`: another endpoint may take it.
    case refused(KeyServiceError, maySucceedElsewhere: Bool)
    /// The server tells of a fault of its own: its endpoint is marked down, and another one is asked.
    case failed(KeyServiceError, status: Int)
    /// It claims success and cannot be read: something other than a key server, or another version of one. Another
    /// endpoint is asked. The reason is for people and holds no secret.
    case unusable(reason: String)
    /// There was no locked memory to decode it.
    case outOfMemory
}
