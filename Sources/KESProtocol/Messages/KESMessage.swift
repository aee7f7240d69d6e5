// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import KeyService
import Primitives

/// A body that may contain a key. It is encoded once, directly into the memory that it is sent from.
///
/// The caller reserves exactly ``byteCount`` bytes, then encodes. Both functions use one description of the text, so
/// they cannot disagree.
package protocol KESMessage: ~Copyable {
    /// Describes the body. Only ``byteCount`` and ``encode(into:)`` call it.
    func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink)
}

extension KESMessage where Self: ~Copyable {
    /// Length of the body in bytes.
    package var byteCount: Int {
        var counter = ByteCounter()
        self.write(to: &counter)
        return counter.byteCount
    }

    /// Appends the body.
    ///
    /// - Precondition: `output` has room for ``byteCount`` bytes.
    package func encode(into output: inout OutputRawSpan) {
        self.write(to: &output)
    }
}

/// Receives the description of a message.
package protocol KESMessageSink: ~Copyable, ~Escapable {
    /// Appends a constant text.
    mutating func append(ascii text: StaticString)

    /// Appends text that needs no escaping.
    mutating func append(text: String)

    /// Appends bytes as base64.
    mutating func append(base64 bytes: Span<UInt8>)
}

extension KESMessageSink where Self: ~Copyable & ~Escapable {
    /// Closes the string of a request's last member, adds the context if there is one, and closes the object.
    mutating func endRequest(context: AssociatedData) {
        if !context.bytes.isEmpty {
            self.append(ascii: #"","context":""#)
            self.append(base64: context.bytes.span)
        }
        self.append(ascii: #""}"#)
    }
}

extension OutputRawSpan: KESMessageSink {
    package mutating func append(text: String) {
        self.append(text)
    }

    package mutating func append(base64 bytes: Span<UInt8>) {
        Base64.encode(bytes, into: &self)
    }
}

private struct ByteCounter: KESMessageSink {
    private(set) var byteCount = 0

    mutating func append(ascii text: StaticString) { self.byteCount += text.utf8CodeUnitCount }

    mutating func append(text: String) { self.byteCount += text.utf8.count }

    mutating func append(base64 bytes: Span<UInt8>) { self.byteCount += Base64.encodedByteCount(bytes.count) }
}
