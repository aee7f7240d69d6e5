// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A service manager's end of sd_notify(3): a datagram socket that collects what a service says of itself.
package final class NotifySocket: Sendable {
    package let path: String
    let descriptor: Descriptor
    private let received = Mutex<[String]>([])

    init(at path: String) throws(TestFailure) {
        self.path = path
        self.descriptor = try UnixSocket.make(SOCK_DGRAM)
        try UnixSocket.bind(self.descriptor, to: path)
        guard unsafe chmod(path, 0o666) == 0 else { throw .system("chmod \(path)") }
    }

    /// Everything received so far, one assignment each: `READY=1`.
    package var assignments: [String] { self.received.withLock { $0 } }

    /// Sends to it until it has no room left: from then on a service that sends has to wait.
    package func fill() throws(TestFailure) {
        let sender = try UnixSocket.make(SOCK_DGRAM)
        try UnixSocket.connect(sender, to: self.path)
        while unsafe send(sender.number, "X", 1, CInt(MSG_DONTWAIT)) > 0 {}
        guard errno == EAGAIN else { throw .system("send") }
    }

    /// Takes in one datagram, which must be there.
    func receive() throws(TestFailure) {
        let datagram = String(decoding: try self.descriptor.read(atMost: 65_536), as: UTF8.self)
        self.received.withLock { $0 += datagram.split(separator: "\n").map(String.init) }
    }

    /// Waits until an assignment has been made, before or from now on.
    ///
    /// - Parameter count: how many of the first assignments do not count.
    package func wait(
        for assignment: String, after count: Int = 0, until deadline: Deadline = .standard
    ) throws(TestFailure) {
        while !self.assignments.dropFirst(count).contains(assignment) {
            _ = try deadline.wait(for: POLLIN, on: [self.descriptor.number], waitingFor: assignment)
            try self.receive()
        }
    }

    /// Waits until the last thing said of the service's status is as `condition` asks for.
    ///
    /// - Returns: what was said, without `STATUS=`.
    @discardableResult
    package func waitForStatus(
        until deadline: Deadline = .standard, _ condition: (String) -> Bool
    ) throws(TestFailure) -> String {
        while true {
            let last = self.assignments.last { $0.hasPrefix("STATUS=") }?.dropFirst("STATUS=".count).description
            if let last, condition(last) { return last }
            _ = try deadline.wait(
                for: POLLIN, on: [self.descriptor.number], waitingFor: "another status than '\(last ?? "")'")
            try self.receive()
        }
    }
}
