// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

/// Faults as text.
struct DisturbancesTests {
    @Test("One a line, with where and how often")
    func reads() throws {
        let read = try Disturbances(
            """
            delay=2ms
            reset=in on=decrypt,generate every=10
            status=502 failed to read key times=3
            certificate=other-name
            connections=7
            """)
        #expect(
            read.rules == [
                FaultRule(.delay(.milliseconds(2))),
                FaultRule(.reset(.inside), on: [.decrypt, .generateKey], every: 10),
                FaultRule(.status(502, message: "failed to read key"), times: 3),
            ])
        #expect(read.connectionFaults.certificate == .otherName && read.connectionFaults.connectionCountMax == 7)
    }

    @Test(
        "What is no fault is said",
        arguments: ["delay", "delay=2", "hang", "reset=often", "drip=1ms on=nothing", "every=2"])
    func refuses(_ line: String) {
        #expect(throws: TestFailure.malformed("no fault: '\(line)'")) { try Disturbances(line) }
    }
}
