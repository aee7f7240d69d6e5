// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport
import Testing

@Suite struct ConnectingTests {
    @Test func whoListensIsKnown() throws {
        let folder = try TemporaryDirectory()
        let file = try SocketFile(at: SocketSettings(path: folder("a.sock"), mode: 0o600))
        let listener = Linux.Descriptor(owning: file.descriptor)
        let connection = try Linux.Descriptor.connection(toSocketAt: file.path, timeout: .seconds(5))
        #expect(connection.peerProcessID == ProcessStatistics.processID)
        #expect(fcntl(connection.number, F_GETFL) & O_NONBLOCK != 0)
        #expect(listener.number >= 0)
    }

    @Test func thatNobodyListensIsTold() throws {
        let path = try TemporaryDirectory()("a.sock")
        let error = #expect(throws: SystemError.self) {
            _ = try Linux.Descriptor.connection(toSocketAt: path, timeout: .seconds(5))
        }
        #expect(error?.code == ENOENT && error?.subject == path)
    }

    @Test func aPathMayBeTooLong() {
        let path = "/" + String(repeating: "a", count: 107)
        let error = #expect(throws: SystemError.self) {
            _ = try Linux.Descriptor.connection(toSocketAt: path, timeout: .seconds(5))
        }
        #expect(error?.code == ENAMETOOLONG)
    }

    @Test func aFullQueueIsWaitedForOnlySoLong() throws {
        let path = try TemporaryDirectory()("a.sock")
        let file = try SocketFile(at: SocketSettings(path: path, mode: 0o600))
        let listener = Linux.Descriptor(owning: file.descriptor)
        #expect(listen(listener.number, 0) == 0)
        let first = try Linux.Descriptor.connection(toSocketAt: path, timeout: .seconds(5))
        let error = #expect(throws: SystemError.self) {
            _ = try Linux.Descriptor.connection(toSocketAt: path, timeout: .milliseconds(20))
        }
        #expect(error?.code == EAGAIN && first.number >= 0)
    }
}

@Suite struct OtherProcessTests {
    @Test func itIsSeenAsItSeesItself() throws {
        let process = OtherProcess(id: ProcessStatistics.processID)
        let before = try #require(process.processorTime)
        let own = ProcessStatistics.current()
        #expect(before > .zero && Double(before.nanoseconds) / 1e9 < own.cpuSeconds + 0.1)
        #expect(try #require(process.residentByteCount) > 1 << 20)
        #expect(try #require(process.processorTime) > before)
    }

    @Test func ofOneThatIsNotThereNothingIsKnown() {
        let nobody = OtherProcess(id: 1 << 22 + 1)
        #expect(nobody.processorTime == nil && nobody.residentByteCount == nil)
    }
}
