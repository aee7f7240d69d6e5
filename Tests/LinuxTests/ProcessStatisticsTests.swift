// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport
import Testing

@Suite struct ProcessStatisticsTests {
    @Test func theNumbersAreThoseOfALivingProcess() throws {
        let process = ProcessStatistics.current()
        let (residentByteCount, virtualByteCount) = try #require(
            process.residentByteCount.flatMap { resident in process.virtualByteCount.map { (resident, $0) } })
        #expect(process.cpuSeconds > 0)
        #expect(residentByteCount > 1 << 20)
        #expect(virtualByteCount > residentByteCount)
        #expect(process.heapByteCount > 0)
        #expect(process.heapByteCount < virtualByteCount)
        #expect(try #require(process.stackByteCount) >= 4096)
        #expect(try #require(process.openDescriptors) >= 3)
        #expect(try #require(process.threads) >= 1)
        #expect(ProcessStatistics.processID == Int(getpid()))
    }

    @Test func processorTimeOnlyGrows() {
        let before = ProcessStatistics.current().cpuSeconds
        var after = before
        while after == before { after = ProcessStatistics.current().cpuSeconds }
        #expect(after > before)
    }

    @Test func whatIsAllocatedShows() throws {
        let before = try #require(ProcessStatistics.current().virtualByteCount)
        let bytes = [UInt8](repeating: 1, count: 200 << 20)
        let after = try #require(ProcessStatistics.current().virtualByteCount)
        // Other tests run beside this one, but do not free so much.
        withExtendedLifetime(bytes) { #expect(after - before > 100 << 20) }
    }

    @Test func openDescriptorsAreCounted() throws {
        let before = try #require(ProcessStatistics.current().openDescriptors)
        let descriptors = (0..<500).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }
        let after = try #require(ProcessStatistics.current().openDescriptors)
        for descriptor in descriptors { close(descriptor) }
        // Other tests run beside this one, but do not close so many.
        #expect(after - before > 250)
    }

    @Test func threadsAreCounted() async throws {
        let inside = await onThread { ProcessStatistics.current().threads }
        #expect(try #require(inside) >= 2)
    }

    @Test func moreProcessorsThanThereAreCannotBeUsed() {
        let processors = ProcessStatistics.processors
        #expect(processors.usable >= 1)
        #expect(processors.all >= processors.usable)
    }
}
