// SPDX-License-Identifier: Apache-2.0

/// A sealed data key as the key server made it: opaque bytes, in whichever of its encodings.
package struct Ciphertext: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// What a ciphertext is bound to: bytes that must be the same when it is opened. KES calls them the context.
///
/// Never parsed and never normalised: `{}` and no bytes at all are different, and so are two spellings of the same JSON.
package struct AssociatedData: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8] = []) { self.bytes = bytes }
}
