// SPDX-License-Identifier: Apache-2.0

import Glibc
import LockedMemory
import Testing

/// Each test is a process of its own, which it changes for good.
struct ProcessHardeningTests {
    @Test("A hardened process leaves no core file")
    func cores() async {
        await #expect(processExitsWith: .success) {
            #expect(ProcessHardening.apply() == [])
            #expect(ResourceLimit.coreFile.current == 0)
            var limits = rlimit()
            try #require(getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limits) == 0)
            #expect(limits.rlim_max == 0)
        }
    }

    @Test("The descriptor limit rises to the hard one")
    func descriptors() async {
        await #expect(processExitsWith: .success) {
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            var limits = rlimit()
            try #require(getrlimit(resource, &limits) == 0)
            limits.rlim_cur = 64
            try #require(setrlimit(resource, &limits) == 0)
            ProcessHardening.raiseDescriptorLimit()
            #expect(ResourceLimit.openFiles.current == Int(limits.rlim_max))
        }
    }
}
