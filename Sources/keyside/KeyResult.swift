// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import KeyService
import Linux
import LockedMemory

/// The result of a key operation on standard output: `name: BASE64` lines, or one JSON object with the same names.
///
/// A plaintext is encoded as base64 in locked memory and written from there to the descriptor.
struct KeyResult: KESMessage, ~Copyable {
    let format: OutputFormat
    /// The label of the secret.
    let name: String
    let secret: Secret?
    let ciphertext: Ciphertext?

    init(_ name: String, _ secret: consuming Secret, _ ciphertext: Ciphertext? = nil, as format: OutputFormat) {
        self.format = format
        self.name = name
        self.secret = consume secret
        self.ciphertext = ciphertext
    }

    init(_ ciphertext: Ciphertext, as format: OutputFormat) {
        self.format = format
        self.name = ""
        self.secret = nil
        self.ciphertext = ciphertext
    }

    func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {
        let (open, middle, close, separator, end) =
            switch self.format {
            case .text: ("", ": ", "\n", "", "")
            case .json: ("\"", "\":\"", "\"", ",", "}\n")
            }
        if self.format == .json { sink.append(text: "{") }
        switch self.secret {
        case .some(let secret):
            sink.append(text: open + self.name + middle)
            secret.withBytes { sink.append(base64: $0) }
            sink.append(text: close + (self.ciphertext == nil ? "" : separator))
        case .none:
            break
        }
        if let ciphertext = self.ciphertext {
            sink.append(text: open + "ciphertext" + middle)
            sink.append(base64: ciphertext.bytes.span)
            sink.append(text: close)
        }
        sink.append(text: end)
    }

    func print(using memory: SecretMemory) throws {
        do {
            var text = try Secret(byteCount: self.byteCount, in: memory)
            text.fill { output in self.encode(into: &output) }
            try text.withBytes { bytes in try StandardStreams.writeOutput(bytes) }
        } catch is LockedMemoryError {
            throw CommandFailure(.failed, "the result is too large")
        }
    }
}
