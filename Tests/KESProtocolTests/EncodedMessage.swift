// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import Testing

/// What a message writes, after checking that it fills exactly the room it asks for.
func encoded(_ message: borrowing some KESMessage & ~Copyable) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: message.byteCount)
    let room = unsafe bytes.withUnsafeMutableBytes { buffer in
        var output = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
        message.encode(into: &output)
        return output.freeCapacity
    }
    #expect(room == 0)
    return bytes
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
