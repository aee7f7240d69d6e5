// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KESProtocol
import LockedMemory

/// An API key as output: with its identity for printing, alone for a file.
///
/// The text is built in locked memory and written from there to the descriptor.
struct APIKeyText: KESMessage, ~Copyable {
    private enum Form {
        case line
        case result(OutputFormat)
    }

    private let key: APIKey
    private let form: Form

    /// The key alone, followed by a line feed.
    init(line key: consuming APIKey) {
        self.key = key
        self.form = .line
    }

    /// `api_key` and `identity`.
    init(_ key: consuming APIKey, as format: OutputFormat) {
        self.key = key
        self.form = .result(format)
    }

    func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {
        let (start, end) =
            switch self.form {
            case .line: ("", "\n")
            case .result(.text): ("api_key: ", "\nidentity: \(self.key.identity)\n")
            case .result(.json): (#"{"api_key":""#, #"","identity":"\#(self.key.identity)"}"# + "\n")
            }
        sink.append(text: start + APIKey.prefix)
        self.key.bytes.withBytes { sink.append(base64: $0) }
        sink.append(text: end)
    }

    func encoded(in memory: SecretMemory) throws -> Secret {
        do throws(LockedMemoryError) {
            var text = try Secret(byteCount: self.byteCount, in: memory)
            text.fill { output in self.encode(into: &output) }
            return text
        } catch {
            throw CommandFailure(error)
        }
    }
}
