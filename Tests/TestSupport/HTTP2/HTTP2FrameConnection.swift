// SPDX-License-Identifier: Apache-2.0

/// A client of HTTP/2 that sends the frames that it is told to, and does nothing else: it acknowledges nothing and does not
/// look at windows.
package final class HTTP2FrameConnection {
    private let connection: RawConnection
    private let reader = HTTP2Reader()
    /// Whether the server has closed the connection.
    package private(set) var hasEnded = false

    /// - Parameter connection: on which nothing was sent.
    package init(on connection: RawConnection, settings: [(UInt16, UInt32)] = []) throws(TestFailure) {
        self.connection = connection
        try connection.send(Array(HTTP2Frame.preface.utf8) + HTTP2Frame.settings(settings).bytes)
    }

    /// By stream.
    package var answers: [Int32: HTTP2Reader.Answer] { self.reader.answers }
    /// The error code of each GOAWAY.
    package var goAwayCodes: [UInt8] { self.reader.goAways.map(\.code) }

    /// Sends frames in one segment.
    package func send(_ frames: HTTP2Frame...) throws(TestFailure) { try self.send(frames) }

    package func send(_ frames: [HTTP2Frame]) throws(TestFailure) {
        try self.connection.send(frames.flatMap(\.bytes))
    }

    /// Sends what the server takes. It may close the connection meanwhile.
    package func sendWhatIsTaken(_ frames: [HTTP2Frame]) throws(TestFailure) {
        try self.connection.sendWhatIsTaken(frames.flatMap(\.bytes))
    }

    /// The answer on a stream, or what there is of it when the stream is reset or the connection ends.
    package func receive(_ stream: Int32) throws(TestFailure) -> HTTP2Reader.Answer {
        try self.receive { $0.answers[stream]?.isOver == true }
        return self.answers[stream] ?? HTTP2Reader.Answer()
    }

    /// Reads frames until `isEnough`, or the end of the connection.
    package func receive(until isEnough: (HTTP2FrameConnection) -> Bool) throws(TestFailure) {
        while !isEnough(self), !self.hasEnded {
            if self.reader.takeFrame() != nil { continue }
            do throws(TestFailure) {
                self.reader.receive(try self.connection.receiveSome())
            } catch .ended {
                self.hasEnded = true
            } catch .system(call: "recv", _) {
                self.hasEnded = true
            }
        }
    }

    package func receiveEnd() throws(TestFailure) { try self.receive { _ in false } }
}
