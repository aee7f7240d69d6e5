// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import KeyService
import Primitives

/// A body that may carry a key. It is written once, to the memory that it leaves from, by its sender's own hand.
///
/// Room is made for exactly ``byteCount`` bytes, then they are written. Both read one description of the text, so they
/// cannot disagree.
package protocol KESMessage: ~Copyable {
    /// The description; to be read by ``byteCount`` and ``encode(into:)`` alone.
    func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink)
}

extension KESMessage where Self: ~Copyable {
    /// The length of the body.
    package var byteCount: Int {
        var counter = ByteCounter()
        self.write(to: &counter)
        return counter.byteCount
    }

    /// Appends the body. `output` must have room for ``byteCount`` bytes.
    package func encode(into output: inout OutputRawSpan) {
        self.write(to: &output)
    }
}

/// Where a message's description goes.
package protocol KESMessageSink: ~Copyable, ~Escapable {
    /// Takes a constant text.
    mutating func append(ascii text: StaticString)

    /// Takes characters that need no escaping.
    mutating func append(text: String)

    /// Takes bytes, to be written as base64.
    mutating func append(base64 bytes: Span<UInt8>)
}

extension KESMessageSink where Self: ~Copyable & ~Escapable {
    /// Closes the string of a request's last member and the object, with the context between them if there is one.
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
