// SPDX-License-Identifier: Apache-2.0

package import ByteCoding
import LockedMemory

/// The bodies of successful answers. A front encodes them, a client decodes them. All end with a line feed; create,
/// import, delete and ready have none.
package enum KESAnswer {
    /// Why a client cannot use an answer.
    package enum Unusable: Error, Equatable, Sendable {
        case unreadable(JSONError)
        case incomplete(missing: String)
        case wrongLength(of: String, byteCount: Int)
        /// The status is neither 200 nor a failure, 400 or higher.
        case unexpectedStatus(Int)
        /// The body exceeds the limit for answers.
        case tooLarge
    }
}

extension KESAnswer.Unusable: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let error): "the answer cannot be read: \(error)"
        case .incomplete(let member): "the answer has no '\(member)'"
        case .wrongLength(let member, let byteCount): "the answer's '\(member)' has \(byteCount) bytes"
        case .unexpectedStatus(let status): "the answer has the status \(status)"
        case .tooLarge: "the answer is too large"
        }
    }
}

extension Secret {
    /// Decodes the answer's one required member.
    ///
    /// - Parameter text: the member's name, for the error.
    init(
        soleMember member: JSONName, _ text: @autoclosure () -> String, of body: Span<UInt8>, memory: SecretMemory
    ) throws(KESAnswer.Unusable) {
        var secret: Secret?
        do throws(JSONError) {
            var reader = JSONReader()
            try reader.enterObject(in: body)
            while let name = try reader.nextMember(in: body) {
                if name == member {
                    try reader.readBase64(into: &secret, memory: memory, in: body)
                } else {
                    try reader.skipValue(in: body)
                }
            }
        } catch {
            throw .unreadable(error)
        }
        guard let secret else { throw .incomplete(missing: text()) }
        self = secret
    }
}

extension JSONWriter {
    /// An object and a line feed, as Go encodes it.
    static func line(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
        Self.object(escaping: .html, members) + "\n".utf8
    }
}
