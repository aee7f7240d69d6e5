// SPDX-License-Identifier: Apache-2.0

package import ByteCoding
import LockedMemory

/// The bodies of successful answers: a front encodes them, a client decodes them. All end in a line end; create, import,
/// delete and ready have none.
package enum KESAnswer {
    /// Why an answer is of no use to a client.
    package enum Unusable: Error, Equatable, Sendable {
        case unreadable(JSONError)
        case incomplete(missing: String)
        case wrongLength(of: String, byteCount: Int)
        /// Neither success, which is 200, nor a failure, which is 400 or above.
        case unexpectedStatus(Int)
        /// There is no telling what it is: it is larger than any answer may be.
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
    /// The value of the one member that an answer is there for.
    ///
    /// - Parameter text: the member, for whoever misses it.
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
    /// An answer's object, as Go writes it.
    static func line(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
        Self.object(escaping: .html, members) + "\n".utf8
    }
}
