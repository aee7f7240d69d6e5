// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import TestSupport
import Testing

@Suite struct ProcessStatisticsTests {
    @Test func theNumbersAreThoseOfALivingProcess() {
        let process = ProcessStatistics.current()
        #expect(process.cpuSeconds > 0)
        #expect(process.residentByteCount > 1 << 20)
        #expect(process.virtualByteCount > process.residentByteCount)
        #expect(process.heapByteCount > 0)
        #expect(process.heapByteCount < process.virtualByteCount)
        #expect(process.stackByteCount >= 4096)
        #expect(process.openDescriptors >= 3)
        #expect(process.threads >= 1)
        #expect(ProcessStatistics.processID == Int(getpid()))
    }

    @Test func processorTimeOnlyGrows() {
        let before = ProcessStatistics.current().cpuSeconds
        var after = before
        while after == before { after = ProcessStatistics.current().cpuSeconds }
        #expect(after > before)
    }

    @Test func whatIsAllocatedShows() {
        let before = ProcessStatistics.current()
        let bytes = [UInt8](repeating: 1, count: 200 << 20)
        let after = ProcessStatistics.current()
        // Other tests run beside this one, but do not free so much.
        withExtendedLifetime(bytes) { #expect(after.virtualByteCount - before.virtualByteCount > 100 << 20) }
    }

    @Test func openDescriptorsAreCounted() {
        let before = ProcessStatistics.current().openDescriptors
        let descriptors = (0..<500).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }
        let after = ProcessStatistics.current().openDescriptors
        for descriptor in descriptors { close(descriptor) }
        // Other tests run beside this one, but do not close so many.
        #expect(after - before > 250)
    }

    @Test func threadsAreCounted() async {
        let inside = await onThread { ProcessStatistics.current().threads }
        #expect(inside >= 2)
    }

    @Test func moreProcessorsThanThereAreCannotBeUsed() {
        let processors = ProcessStatistics.processors
        #expect(processors.usable >= 1)
        #expect(processors.all >= processors.usable)
    }
}
