// SPDX-License-Identifier: Apache-2.0

package import KESProtocol
package import KeyService

/// What happens at key servers that an operator wants to hear of.
package enum UpstreamNotice: Equatable, Sendable {
    /// An endpoint is put aside. `isRepeated`: again, soon after it came back.
    case endpointDown(address: String, EndpointFault, isRepeated: Bool)
    case endpointUp(address: String, after: Duration, isRepeated: Bool)
    /// An answer of status 200 that is none: something else than a key server answers there.
    case unusableAnswer(address: String, Operation, KESAnswer.Unusable)
    /// An endpoint returned another plaintext than two other answers for the same ciphertext, for the `count`th time.
    case wrongPlaintext(address: String, count: Int)
}
