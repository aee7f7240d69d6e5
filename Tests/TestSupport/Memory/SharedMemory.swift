// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import LockedMemory

/// Secrets and OpenSSL's memory for all tests of the process, as the agent has it.
package enum SharedMemory {
    private static let made = Result {
        // More than the agent has: clients and servers of many tests share it.
        let memory = try SecretMemory(heapByteCountMax: 64 << 20, allowUnlocked: true)
        try OpenSSLMemory.install(memory)
        return memory
    }

    /// To be called before OpenSSL is used in any other way: it then takes no other memory.
    package static func giveToOpenSSL() { _ = self.made }

    package static var secrets: SecretMemory { get throws { try self.made.get() } }
}
