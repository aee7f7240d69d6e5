// SPDX-License-Identifier: Apache-2.0

package import KeyService

/// What happens at key servers that an operator wants to hear of.
package enum ClusterNotice: Equatable, Sendable {
    /// An endpoint is marked down. `isRepeated`: again, soon after it came back.
    case endpointDown(address: String, EndpointFault, isRepeated: Bool)
    case endpointUp(address: String, after: Duration, isRepeated: Bool)
    /// A successful answer that cannot be read: something other than a key server answers there. At most one notice a
    /// minute for each endpoint.
    case unusableAnswer(address: String, Operation, reason: String)
    /// An endpoint returned another plaintext than two other answers for the same ciphertext, for the `count`th time.
    /// At most one notice a minute for each endpoint.
    case wrongPlaintext(address: String, count: Int)
}
