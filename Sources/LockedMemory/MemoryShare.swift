// SPDX-License-Identifier: Apache-2.0

import CLinux

/// The purposes that locked memory is divided between. Each has its own heap, so that none can use another's memory.
package enum MemoryShare: UInt8, CaseIterable, Sendable {
    /// The agent's own: libcurl and OpenSSL for key servers, credentials, certificates, the static key.
    case own
    /// Secrets of requests that are longer than a slot.
    case requests
    /// Request bodies and answers between socket and request.
    case transit
    /// As ``transit``, for buffers of up to ``SecretMemory/smallTransitByteCountMax`` bytes, such as those of data
    /// keys.
    case smallTransit
    /// The TLS state of the listeners' connections.
    case clients
    /// The buffers for reading and writing TLS records of those connections.
    case records

    /// The name in metrics.
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

    /// The share that OpenSSL allocates from on the calling thread: ``own``, unless ``whileCurrent(_:)`` selects
    /// another one.
    package static var current: MemoryShare { MemoryShare(rawValue: keyside_memory_share()) ?? .own }

    /// Makes OpenSSL allocate from this share on the calling thread while `body` runs. A block always returns to the
    /// share that it came from.
    package func whileCurrent<Result: ~Copyable>(_ body: () -> Result) -> Result {
        let before = keyside_memory_share()
        keyside_set_memory_share(self.rawValue)
        defer { keyside_set_memory_share(before) }
        return body()
    }

    /// Whether ordinary memory, wiped on release, is used when the share is full. Otherwise the allocation fails.
    var overflows: Bool {
        switch self {
        case .own, .requests: false
        case .transit, .smallTransit, .clients, .records: true
        }
    }
}
