// SPDX-License-Identifier: Apache-2.0

package import TestSupport

/// A client of HTTP/2 that sends frame by frame whatever it is told to.
package final class HTTP2Client {
    package typealias Frame = HTTP2Frame
    package typealias Answer = HTTP2Reader.Answer

    package static let preface = HTTP2Frame.preface

    package let client: RawClient
    private let reader = HTTP2Reader()
    package private(set) var hasEnded = false

    /// What has come of answers, by stream.
    package var answers: [Int32: Answer] { self.reader.answers }
    /// The last stream of each GOAWAY, with its code.
    package var goAways: [(last: Int32, code: UInt8)] { self.reader.goAways }
    package var pings: [Frame] { self.reader.pings }
    package var settings: [UInt16: UInt32] { self.reader.settings }

    package init(_ client: RawClient, settings: [(UInt16, UInt32)] = []) async throws {
        self.client = client
        try await client.send(Array(Self.preface.utf8) + Frame.settings(settings).bytes)
    }

    package func send(_ frames: Frame...) async throws { try await self.send(frames) }
    package func send(_ frames: [Frame]) async throws { try await self.client.send(frames.flatMap(\.bytes)) }

    /// The whole answer on a stream, or what there is of it when it is reset or the connection ends.
    package func receive(_ stream: Int32) async throws -> Answer {
        try await self.receive { $0.answers[stream]?.isOver == true }
        return self.answers[stream] ?? Answer()
    }

    /// Reads frames until `isEnough` or the end.
    package func receive(until isEnough: (HTTP2Client) -> Bool) async throws {
        while !isEnough(self), !self.hasEnded {
            if self.reader.takeFrame() != nil { continue }
            let bytes = try await self.client.receiveSome()
            if bytes.isEmpty { self.hasEnded = true }
            self.reader.receive(bytes)
        }
    }

    package func receiveToEnd() async throws { try await self.receive { _ in false } }
}
