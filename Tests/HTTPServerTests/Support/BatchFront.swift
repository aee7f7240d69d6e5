// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import KeyService
import Linux
import LockedMemory
import Primitives
import ServerTestSupport

@testable import HTTPServer

/// Answers `/batch/`: one body of many commands, a byte each. A lower-case letter is answered at once, an upper-case one
/// when the test has called `journal.note("answer LETTER")`; either by itself, in brackets.
final class BatchFront: Front {
    let pathPrefixes = ["/batch/"]
    let journal = Journal()
    private let memory: SecretMemory

    init(memory: SecretMemory) { self.memory = memory }

    func route(_ method: RequestMethod, _ path: [UInt8], from peer: Peer) -> (any RoutedRequest)? { Request(self) }

    private final class Request: RoutedRequest {
        private let front: BatchFront

        init(_ front: BatchFront) { self.front = front }

        var requestSubject: RequestSubject { .unknown }
        var refusal: Response? { nil }
        var bodyByteCountMax: Int { 100_000 }
        var timeout: Interval { .hours(1) }
        var bodyTooLarge: Response { Response(.badRequest) }
        var timedOut: Response { Response(.gatewayTimeout) }

        func answer(
            body: Span<UInt8>, bodyLengthWasAnnounced: Bool, with writer: inout ResponseWriter
        ) -> DeferredAnswer? {
            var parts = AnswerParts(in: self.front.memory)
            for index in body.indices {
                let text = "[\(Character(Unicode.Scalar(body[index])))]"
                if body[index] >= UInt8(ascii: "a") {
                    parts.append(byteCount: text.utf8.count) { $0.append(text) }
                } else {
                    let journal = self.front.journal
                    parts.append { part in
                        await journal.wait(for: "answer \(text)")
                        part.append(byteCount: text.utf8.count) { $0.append(text) }
                        journal.note("made \(text)")
                    }
                }
            }
            return parts.answer(.ok, contentType: "text/plain", orElse: Response(.serviceUnavailable), with: &writer)
        }
    }
}
