// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import KeyService
import LockedMemory

/// The bodies of requests: a front decodes them, a client encodes them.
///
/// Byte strings are base64. A member that is absent, `null` or empty is zero bytes; a `version` must be a string and
/// says nothing; what else there is is passed over. A client leaves an empty context out.
package enum KESRequest {
    /// A secret member's value; no bytes if it was absent.
    static func secret(_ member: consuming Secret?, memory: SecretMemory) throws(JSONError) -> Secret {
        if let member { return member }
        do throws(LockedMemoryError) {
            return try Secret(byteCount: 0, in: memory)
        } catch {
            throw .memory(error)
        }
    }
}

extension KESFailure {
    /// The answer to a body that could not be read.
    init(_ error: JSONError, at endpoint: Operation) {
        switch error {
        case .malformed: self = .invalidBody(for: endpoint)
        case .memory(let error): self.init(KeyServiceError(error), at: endpoint)
        }
    }
}
