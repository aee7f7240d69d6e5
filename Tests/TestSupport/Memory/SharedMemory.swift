// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import LockedMemory
import Synchronization

/// Secrets and OpenSSL's memory for all tests of the process, as the agent has it.
package enum SharedMemory {
    private static let made = Result {
        // More than the agent has: clients and servers of many tests share it.
        let memory = try SecretMemory(
            heapByteCountMax: 64 << 20, allowUnlocked: true, faults: Self.faults.withLock { $0 })
        try OpenSSLMemory.install(memory)
        return memory
    }

    private static let faults = Mutex<AllocationFaults?>(nil)

    /// Has the memory refuse what `faults` says. To be called before anything else uses the memory, so at the start of
    /// a process of the test's own.
    package static func refuse(by faults: AllocationFaults) { self.faults.withLock { $0 = faults } }

    /// To be called before OpenSSL is used in any other way: it then takes no other memory.
    package static func giveToOpenSSL() { _ = self.made }

    package static var secrets: SecretMemory { get throws { try self.made.get() } }
}
