// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import KeyService
import Testing

@testable import Cluster

/// Which requests are sent, which wait, and which of those comes next.
@Suite struct ClusterCoreTests {
    private static let refused = AttemptFailure.transfer(
        TransferFailure(.refused, reason: "", requestWasSent: false))

    @Test("an endpoint has as many requests as it may, and the others wait, first come, first served")
    func perEndpoint() throws {
        let bench = CoreBench(1) { $0.inFlightPerEndpointMax = 2 }
        let ids = (0..<5).map { _ in bench.arrive() }
        #expect(bench.attempting == Array(ids[0..<2]))
        #expect(bench.queued == Array(ids[2...]))
        for served in 0..<3 {
            bench.succeed(ids[served])
            #expect(bench.attempting == Array(ids[(served + 1)...(served + 2)]))
        }
        #expect(bench.queued.isEmpty)
        #expect(bench.admittedCount == 2)
    }

    @Test("probes take no place from requests")
    func probes() {
        let bench = CoreBench(1) { $0.inFlightPerEndpointMax = 1 }
        #expect(bench.passTime().count == 1)
        let id = bench.arrive()
        #expect(bench.attempting == [id])
    }

    @Test("no more are in flight than may be, however many places endpoints have")
    func inFlightMax() {
        let bench = CoreBench(3) { $0.inFlightMax = 2 }
        let ids = (0..<3).map { _ in bench.arrive() }
        #expect(bench.attempting == Array(ids[0..<2]))
        bench.succeed(ids[1])
        #expect(bench.attempting == [ids[0], ids[2]])
    }

    @Test("the queue is bounded where the endpoints' places are what is short", arguments: [0, 1, 7])
    func queuedMax(max: Int) {
        let bench = CoreBench(1) {
            $0.inFlightPerEndpointMax = 3
            $0.queuedMax = max
        }
        for _ in 0..<(3 + max) { bench.arrive() }
        let refused = bench.arrive()
        #expect(bench.error(of: refused) == .overloaded)
        #expect(bench.queued.count == max)
        #expect(bench.count == 3 + max)
    }

    @Test("a request that has to try again comes before those that arrived after it")
    func retryOrder() {
        let bench = CoreBench(2) { $0.inFlightPerEndpointMax = 1 }
        let ids = (0..<4).map { _ in bench.arrive() }
        bench.fail(ids[0], .answer(.unusable(reason: "")))
        #expect(bench.queued == [ids[0], ids[3]], "the place that it left went to the third")
        #expect(bench.attempting == [ids[1], ids[2]])
        bench.succeed(ids[1])
        #expect(bench.attempting == [ids[0], ids[2]])
        #expect(bench.queued == [ids[3]])
    }

    @Test("a place goes to the first that can use it, not to one that was there before")
    func excludedPlace() {
        let bench = CoreBench(2) { $0.inFlightPerEndpointMax = 1 }
        let ids = (0..<3).map { _ in bench.arrive() }
        let left = bench.endpoint(of: ids[0])
        bench.fail(ids[0], .answer(.unusable(reason: "")))
        #expect(bench.endpoint(of: ids[2]) == left)
        bench.succeed(ids[2])
        #expect(bench.queued == [ids[0]], "it was there")
        let late = bench.arrive()
        #expect(bench.endpoint(of: late) == left, "nobody else can use the place")
    }

    @Test("when an endpoint fails, what waited for it goes where it can")
    func queueOfAFailedEndpoint() {
        let bench = CoreBench(1) { $0.inFlightPerEndpointMax = 1 }
        bench.startTime()
        let ids = (0..<3).map { _ in bench.arrive() }
        bench.fail(ids[0], Self.refused)
        #expect(bench.queued.isEmpty)
        #expect(bench.waiting.count == 3)
        #expect(bench.admittedCount == 3)
        bench.mend(0)
        #expect(bench.waiting.isEmpty)
        #expect(bench.attempting == [ids[0]])
        #expect(bench.queued == Array(ids[1...]))
    }

    @Test("an outage that lasts ends all waiting, and what comes then fails at once")
    func outage() {
        let bench = CoreBench(1) {
            $0.inFlightMax = 2
            $0.inFlightPerEndpointMax = 1
        }
        bench.startTime()
        let ids = (0..<3).map { _ in bench.arrive() }
        bench.fail(ids[0], Self.refused)
        #expect(bench.waiting == Array(ids[0..<2]))
        #expect(bench.queued == [ids[2]], "no more than two are in flight")
        bench.advance(by: .seconds(2))
        _ = bench.passTime()
        #expect(ids.allSatisfy { bench.error(of: $0) == .unavailable })
        #expect(bench.count == 0)
        #expect(bench.error(of: bench.arrive()) == .unavailable)
    }

    @Test("a request does not wait in the queue beyond its deadline")
    func deadlineInQueue() {
        let bench = CoreBench(1) { $0.inFlightPerEndpointMax = 1 }
        bench.startTime()
        let first = bench.arrive()
        bench.advance(by: .seconds(1))
        let second = bench.arrive()
        bench.advance(by: .seconds(1))
        let third = bench.arrive()
        bench.advance(by: .seconds(9))
        _ = bench.passTime()
        #expect(bench.error(of: second) == .timedOut)
        #expect(bench.queued == [third])
        #expect(bench.attempting == [first])
        #expect(bench.wakeAt <= bench.now + .seconds(1))
    }

    @Test("the clock is asked for where the first request waits")
    func timer() {
        let bench = CoreBench(1) { $0.inFlightPerEndpointMax = 1 }
        _ = bench.takeEarlierWakeUp()
        bench.arrive()
        #expect(!bench.takeEarlierWakeUp())
        bench.arrive()
        #expect(bench.takeEarlierWakeUp())
        bench.arrive()
        #expect(!bench.takeEarlierWakeUp(), "it waits no shorter than the one before it")
    }

    @Test("a request that is cancelled in the queue, or as its turn comes, leaves its place to the next")
    func cancellation() {
        let bench = CoreBench(1) { $0.inFlightPerEndpointMax = 1 }
        let ids = (0..<4).map { _ in bench.arrive() }
        bench.cancel(ids[1])
        #expect(bench.error(of: ids[1]) == .timedOut)
        #expect(bench.queued == Array(ids[2...]))
        bench.succeed(ids[0])
        bench.cancel(ids[2])  // It has its turn, and has not been told.
        #expect(bench.attempting == [ids[3]])
        #expect(bench.admittedCount == 1)
    }

    @Test("a lack of this process's own keeps no place at an endpoint")
    func pause() {
        let bench = CoreBench(1) { $0.inFlightPerEndpointMax = 1 }
        let ids = (0..<2).map { _ in bench.arrive() }
        bench.fail(ids[0], .answer(.outOfMemory))
        #expect(bench.attempting == [ids[1]])
        #expect(bench.isPausing(ids[0]))
        bench.resume(ids[0])
        #expect(bench.queued == [ids[0]])
        bench.succeed(ids[1])
        #expect(bench.attempting == [ids[0]])
    }

    @Test("what has ended can be ended again without harm")
    func staleRequests() {
        let bench = CoreBench(1) { _ in }
        let id = bench.arrive()
        bench.succeed(id)
        bench.succeed(id)
        bench.cancel(id)
        bench.fail(id, Self.refused)
        bench.resume(id)
        #expect(bench.admittedCount == 0)
        #expect(bench.attempting.isEmpty)
        #expect(bench.areAllUp)
    }

    @Test("a hedge goes elsewhere, waits for nothing, and ends when it fails")
    func hedge() throws {
        let bench = CoreBench(2) {
            $0.isHedging = true
            $0.inFlightPerEndpointMax = 1
        }
        let first = bench.arrive(isHedged: true)
        let hedge = try #require(bench.hedge(first))
        #expect(bench.endpoint(of: hedge) != bench.endpoint(of: first))
        #expect(bench.hedge(first) == nil, "no place is free, and the budget is spent")
        bench.fail(hedge, .answer(.unusable(reason: "")))
        #expect(bench.error(of: hedge) == .internalFailure)
        bench.succeed(first)
        #expect(bench.admittedCount == 0)
    }
}
