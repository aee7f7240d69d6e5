// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Primitives

/// What a parser makes of the bytes of one connection, as a caller sees it that reads them segment by segment.
///
/// Equal bytes must give equal transcripts, however they were cut. The fuzzer is built from this file too.
struct Transcript: Equatable {
    enum Event: Equatable {
        case head(RequestHead)
        /// All that came between two other events.
        case body([UInt8])
        case end
    }

    enum Segmentation {
        case whole
        case pieces(Int)
        case random(seed: UInt64)
    }

    private(set) var events: [Event] = []
    private(set) var error: RequestError?
    /// Bytes the parser consumed in all, up to the refusal if there was one.
    private(set) var consumed = 0
    private(set) var stage = RequestParser.Stage.betweenRequests
    /// Which rule of the interface the parser broke.
    private(set) var violation: String?

    init(of bytes: [UInt8], cut segmentation: Segmentation = .whole) {
        var parser = RequestParser()
        var unread: [UInt8] = []
        for segment in segmentation.segments(of: bytes) where self.error == nil && self.violation == nil {
            unread += segment
            self.read(&unread, with: &parser)
        }
        self.stage = parser.stage
    }

    private mutating func read(_ unread: inout [UInt8], with parser: inout RequestParser) {
        var position = 0
        reading: while true {
            let before = position
            let step: RequestParser.Step
            do throws(RequestError) {
                step = try parser.next(unread.span, consumed: &position)
            } catch {
                self.error = error
                break
            }
            if position < before || position > unread.count {
                self.violation = "consumed from \(before) to \(position)"
            }
            switch step {
            case .needMoreData:
                break reading
            case .head(let head):
                self.events.append(.head(head))
            case .body(let range):
                if range.isEmpty || range.lowerBound < before || range.upperBound != position {
                    self.violation = "body \(range) of \(before)..<\(position)"
                    break reading
                }
                self.append(body: unread[range])
            case .end:
                self.events.append(.end)
            }
        }
        self.consumed += position
        unread.removeFirst(position)
        self.askAgain(unread, parser)
    }

    /// Without new bytes there is nothing new to tell.
    private mutating func askAgain(_ unread: [UInt8], _ parser: RequestParser) {
        var parser = parser
        var position = 0
        do throws(RequestError) {
            let step = try parser.next(unread.span, consumed: &position)
            if self.error != nil || step != .needMoreData { self.violation = "\(step) when asked again" }
        } catch {
            if self.error != error { self.violation = "\(error) when asked again" }
        }
        if position != 0 { self.violation = "consumed \(position) more when asked again" }
    }

    private mutating func append(body: ArraySlice<UInt8>) {
        if case .body(let start) = self.events.last {
            self.events[self.events.count - 1] = .body(start + body)
        } else {
            self.events.append(.body([UInt8](body)))
        }
    }
}

extension Transcript.Segmentation {
    fileprivate func segments(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var segments: [ArraySlice<UInt8>] = []
        var start = 0
        var generator = SeededGenerator(seed: 0)
        if case .random(let seed) = self { generator = SeededGenerator(seed: seed) }
        while start < bytes.count {
            let size =
                switch self {
                case .whole: bytes.count
                case .pieces(let size): size
                // Mostly small ones, with a long one now and then.
                case .random: Int.random(in: 1...(Bool.random(using: &generator) ? 4 : 200), using: &generator)
                }
            let end = min(bytes.count, start + size)
            segments.append(bytes[start..<end])
            start = end
        }
        return segments
    }
}
