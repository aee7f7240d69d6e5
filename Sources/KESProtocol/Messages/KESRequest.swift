// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import KeyService
import LockedMemory

/// The bodies of requests. A front decodes them, a client encodes them.
///
/// Byte strings are base64. A member that is absent, `null` or empty has zero bytes. A `version` must be a string and
/// is ignored, as are unknown members. A client omits an empty context.
package enum KESRequest {
    /// The value of a secret member; zero bytes if it was absent.
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
    /// KES's failure for a body that cannot be decoded.
    init(_ error: JSONError, at endpoint: Operation) {
        switch error {
        case .malformed: self = .invalidBody(for: endpoint)
        case .memory(let error): self.init(KeyServiceError(error), at: endpoint)
        }
    }
}
