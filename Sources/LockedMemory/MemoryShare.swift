// SPDX-License-Identifier: Apache-2.0

import CLinux

/// The purposes that locked memory is divided between. Each has a heap of its own, so none can take another's memory.
package enum MemoryShare: UInt8, CaseIterable, Sendable {
    /// The agent's own: libcurl and OpenSSL towards key servers, credentials, certificates, the static key.
    case own
    /// Secrets longer than a slot that requests hold.
    case requests
    /// Request bodies and answers between socket and request.
    case transit
    /// The same, for buffers of up to ``SecretMemory/smallTransitByteCountMax`` bytes: those of data keys.
    case smallTransit
    /// The TLS state of the listeners' connections.
    case clients
    /// The buffers in which TLS records of those connections are read and written.
    case records

    /// As metrics name it.
    package var name: String {
        switch self {
        case .own: "agent"
        case .requests: "requests"
        case .transit: "transit"
        case .smallTransit: "small_transit"
        case .clients: "tls_connections"
        case .records: "tls_records"
        }
    }

    /// The share that OpenSSL allocates from on the calling thread: ``own``, unless ``whileCurrent(_:)`` says otherwise.
    package static var current: MemoryShare { MemoryShare(rawValue: keyside_memory_share()) ?? .own }

    /// Has OpenSSL allocate from this share on the calling thread for the length of `body`. A block goes back to the share
    /// that it came from, whenever it is released.
    package func whileCurrent<Result: ~Copyable>(_ body: () -> Result) -> Result {
        let before = keyside_memory_share()
        keyside_set_memory_share(self.rawValue)
        defer { keyside_set_memory_share(before) }
        return body()
    }

    /// Whether ordinary memory, wiped on release, serves what exceeds the share. Otherwise the allocation is refused.
    var overflows: Bool {
        switch self {
        case .own, .requests: false
        case .transit, .smallTransit, .clients, .records: true
        }
    }
}
