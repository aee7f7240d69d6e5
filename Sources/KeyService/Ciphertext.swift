// SPDX-License-Identifier: Apache-2.0

/// An encrypted data key as the key server returned it: opaque bytes, in any of its encodings.
package struct Ciphertext: Hashable, Sendable {
    /// As received, decoded from the protocol's encoding.
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// The associated data of a ciphertext: decryption needs the same bytes. KES calls it the context.
///
/// Never parsed and never normalised: `{}` and no bytes are different, and so are two spellings of the same JSON.
package struct AssociatedData: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8] = []) { self.bytes = bytes }
}
