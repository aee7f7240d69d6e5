// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import HTTP2

@Suite struct FrameMeterTests {
    private static let preface = Array(HTTP2Frame.preface.utf8)

    private static func meter(_ frames: HTTP2Frame..., by count: Int = .max) -> FrameMeter {
        let bytes = Self.preface + frames.flatMap(\.bytes)
        var meter = FrameMeter()
        for start in stride(from: 0, to: bytes.count, by: min(count, bytes.count)) {
            meter.receive(Array(bytes[start...].prefix(count)).span)
        }
        return meter
    }

    @Test(
        "whatever has no data is idle, in any pieces",
        arguments: [
            (HTTP2Frame.settings(), 1), (.ping(), 1), (.window(0, 1), 1), (.reset(1), 1), (.data(1, ""), 1),
            (HTTP2Frame(type: 0, flags: 8, stream: 1, payload: [2, 0, 0]), 1), (HTTP2Frame(type: 0x42), 1),
            (.request(1, "GET", "/"), 1), (.data(1, "data"), 0),
        ])
    func idle(frame: HTTP2Frame, count: Int) {
        for piece in [1, 2, 9, .max] {
            #expect(Self.meter(frame, frame, by: piece).idleFrameCount == 2 * count)
        }
    }

    @Test func aHeadIsOpenUntilItsLastByte() {
        let begun = HTTP2Frame(type: 1, stream: 1, payload: [1, 2, 3])
        let goesOn = HTTP2Frame(type: 9, stream: 1, payload: [4])
        let ends = HTTP2Frame(type: 9, flags: 4, stream: 1, payload: [5, 6])
        for piece in [1, 2, 9, .max] {
            #expect(Self.meter(begun, by: piece).openHead == 1)
            #expect(Self.meter(begun, goesOn, by: piece).openHead == 1)
            #expect(Self.meter(begun, goesOn, ends, by: piece).openHead == nil)
            #expect(Self.meter(begun, goesOn, ends, by: piece).headByteCount == 6)
            #expect(Self.meter(begun, ends, .ping(), begun, by: piece).openHead == 2)
            #expect(Self.meter(.request(1, "GET", "/"), by: piece).openHead == nil)
        }
        var meter = FrameMeter()
        meter.receive((Self.preface + ends.bytes.dropLast()).span)
        meter.receive((HTTP2Frame.request(3, "GET", "/").bytes).span)
        #expect(meter.openHead == nil)
    }

    @Test func aRequestThatEndsForgetsIdleFrames() {
        var meter = Self.meter(.ping(), .ping())
        meter.requestEnded()
        #expect(meter.idleFrameCount == 0)
    }
}
