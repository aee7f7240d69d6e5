// SPDX-License-Identifier: Apache-2.0

package import ByteCoding

/// How much memory the agent can lock, and the limits that follow.
package struct MemoryFindings: Equatable, Sendable {
    /// A configured limit, and the one that locked memory allows.
    package struct Limit: Equatable, Sendable {
        /// The configured limit.
        package let set: Int
        /// The limit that locked memory allows.
        package let byMemory: Int

        package init(set: Int, byMemory: Int) {
            self.set = set
            self.byMemory = byMemory
        }

        /// The lower of both.
        package var effective: Int { min(self.set, self.byMemory) }
    }

    /// Bytes that the agent locks at start.
    package let lockedByteCount: Int
    /// The setting `memory.locked_max`, in bytes.
    package let lockedMax: Int
    /// The limit to increase: `LimitMEMLOCK` or `memory.locked_max`.
    package let remedy: String
    /// Concurrent requests to key servers; nil without key servers.
    package let upstreamRequests: Limit?
    /// TLS connections whose state is in locked memory; nil without a TLS listener.
    package let tlsConnections: Limit?

    package init(
        lockedByteCount: Int, lockedMax: Int, remedy: String, upstreamRequests: Limit?, tlsConnections: Limit?
    ) {
        self.lockedByteCount = lockedByteCount
        self.lockedMax = lockedMax
        self.remedy = remedy
        self.upstreamRequests = upstreamRequests
        self.tlsConnections = tlsConnections
    }

    var lines: [String] {
        var lines = [
            "locked memory: \(self.lockedByteCount / 1024) KiB (memory.locked_max: \(self.lockedMax.sizeText))"
        ]
        if let upstreamRequests {
            lines.append(self.line("requests in flight to key servers", upstreamRequests, "upstream.max_in_flight"))
        }
        if let tlsConnections {
            lines.append(self.line("TLS connections that fit into locked memory", tlsConnections, "limits.connections"))
        }
        return lines
    }

    private func line(_ name: String, _ limit: Limit, _ setting: String) -> String {
        let advice = limit.byMemory < limit.set ? "; increase \(self.remedy) to allow more" : ""
        return "\(name): \(limit.effective) (\(setting): \(limit.set)\(advice))"
    }
}

extension MemoryFindings: JSONWritable {
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("locked_bytes", self.lockedByteCount)
            json.member("locked_max_bytes", self.lockedMax)
            if let upstreamRequests { json.member("upstream_requests", upstreamRequests.effective) }
            if let tlsConnections { json.member("locked_tls_connections", tlsConnections.effective) }
        }
    }
}
