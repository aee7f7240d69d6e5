// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Primitives
import Testing

/// The strongest test against request smuggling: a connection means the same however it is cut.
@Suite struct SegmentationTests {
    @Test(arguments: Sample.all)
    func aSampleMeansTheSameHoweverItIsCut(sample: Sample) {
        Self.expectSameTranscripts(of: sample.bytes)
    }

    /// A head that is the same as the last one, and whole, is not read again.
    @Test func aRequestMeansWhatItSaysHoweverMuchItIsLikeTheLastOne() {
        let request = [UInt8]("POST /a HTTP/1.1\r\nHost: b\r\nX-Request-Id: c\r\nContent-Length: 2\r\n\r\nGE".utf8)
        for place in request.indices {
            for byte in [UInt8]("\r\n :0/%aZ".utf8) {
                var other = request
                other[place] = byte
                Self.expectSameTranscripts(of: request + other + request)
            }
            Self.expectSameTranscripts(of: request + request[place...] + request)
            Self.expectSameTranscripts(of: request + request + request[..<place])
        }
    }

    @Test(arguments: UInt64(1)...100)
    func aDamagedConnectionMeansTheSameHoweverItIsCut(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        // What the grammar turns on, so that damage often makes something almost right.
        let alphabet = [UInt8]("\r\n\t :;,%/?#*0159aFGxHTP.\u{0}\u{7F}ä".utf8)
        for _ in 0..<10 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                bytes += Sample.all.randomElement(using: &generator)?.bytes ?? []
            }
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                let place = Int.random(in: bytes.indices, using: &generator)
                let end = min(bytes.count, place + Int.random(in: 0...3, using: &generator))
                bytes.replaceSubrange(place..<end, with: alphabet.randomElement(using: &generator).map { [$0] } ?? [])
                if bytes.isEmpty { bytes = [0] }
            }
            Self.expectSameTranscripts(of: bytes)
        }
    }

    /// 30 KiB byte by byte: looked at from its start each time it would be 5·10⁸ steps. The bound is there to end that, not
    /// to measure.
    @Test(.timeLimit(.minutes(5))) func aHeadInManySegmentsIsLookedAtOnce() {
        let value = [UInt8](repeating: 0x61, count: 30 << 10)
        let bytes = [UInt8]("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8) + value + [UInt8]("\r\n\r\n".utf8)
        var parser = RequestParser()
        var position = 0
        var steps: [RequestParser.Step] = []
        for count in 1...bytes.count {
            do throws(RequestError) {
                let step = try parser.next(bytes.span.extracting(first: count), consumed: &position)
                if step != .needMoreData { steps.append(step) }
            } catch {
                Issue.record(error)
                return
            }
        }
        #expect(steps.count == 1)
        #expect(position == bytes.count)
    }

    private static func expectSameTranscripts(of bytes: [UInt8]) {
        let whole = Transcript(of: bytes)
        let cuts: [Transcript.Segmentation] =
            [.pieces(1), .pieces(2), .pieces(3), .pieces(5)] + (1...4).map { .random(seed: $0) }
        for cut in cuts {
            #expect(Transcript(of: bytes, cut: cut) == whole, "\(cut) of \(bytes)")
        }
        #expect(whole.violation == nil)
    }
}
