// SPDX-License-Identifier: Apache-2.0

import Cryptography

enum Sample {
    /// An identity of equal bytes.
    static func identity(_ byte: UInt8) -> Identity {
        guard let identity = Identity([UInt8](repeating: byte, count: Identity.byteCount)) else {
            preconditionFailure("32 bytes are an identity")
        }
        return identity
    }

    static let objectStorePaths = [
        ("/v1/key/create/my-key", true), ("/v1/key/generate/my-key", true), ("/v1/key/decrypt/my-key", true),
        ("/v1/key/describe/my-key", true), ("/v1/key/list/my-key", true), ("/v1/status", true), ("/v1/api", true),
        ("/v1/key/generate/my-key-2", true), ("/v1/key/generate/other", false), ("/v1/key/delete/my-key", false),
        ("/v1/key/import/my-key", false), ("/v1/key/list/", false), ("/v1/metrics", false),
    ]
}
