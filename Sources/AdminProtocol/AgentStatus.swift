// SPDX-License-Identifier: Apache-2.0

package import ByteCoding

/// What the agent adds to KES's status, as the member `keyside`:
///
///     {"state":"ready","commit":"…","pid":…,
///      "backend":{"kind":"KES","key":"…","reachable":true,"endpoints":[
///          {"address":"https://kes-1:7373","online":true,"in_flight":2,"contradictions":0,"latency_us":…},
///          {"address":"https://kes-2:7373","online":false,"in_flight":0,"contradictions":0,"down_seconds":…,
///           "reason":"…"}]},
///      "cache":{…},
///      "listeners":[{"name":"unix","address":"/run/…","connections":…,"refused":…},
///          {"name":"tls","address":"127.0.0.1:7373","connections":…,"refused":…,"valid_until":"…"}],
///      "memory":{"kind":"memfd_secret","locked_bytes":…,"slots_in_use":…},
///      "requests":{"succeeded":…,"refused":…,"failed":…}}
package struct AgentStatus: Equatable, Sendable {
    /// The agent's backend.
    package struct Backend: Equatable, Sendable {
        package var kind = ""
        /// The name of the default key.
        package var key = ""
        /// Whether any key server answers.
        package var isReachable = false
        package var endpoints: [Endpoint] = []
    }

    /// One key server.
    package struct Endpoint: Equatable, Sendable {
        package var address: String
        package var isOnline: Bool
        /// Requests in flight to this endpoint.
        package var inFlight = 0
        /// Average latency.
        package var latencyMicroseconds: Int?
        /// How often the endpoint returned a plaintext that the majority of three answers contradicts.
        package var contradictions = 0
        /// Duration of the outage, and its reason; nil while online.
        package var downSeconds: Int?
        package var reason: String?

        package init(address: String, isOnline: Bool) {
            self.address = address
            self.isOnline = isOnline
        }
    }

    /// One listener: the Unix socket or the TLS listener.
    package struct Listener: Equatable, Sendable {
        package var name: String
        package var address: String
        package var connections: Int
        /// Connections refused because of a limit.
        package var refused: Int
        /// Expiry of the listener's certificate, RFC 3339.
        package var validUntil: String?

        package init(name: String, address: String, connections: Int, refused: Int, validUntil: String? = nil) {
            self.name = name
            self.address = address
            self.connections = connections
            self.refused = refused
            self.validUntil = validUntil
        }
    }

    /// The agent's locked memory.
    package struct Memory: Equatable, Sendable {
        /// `memfd_secret`, `mlock2` or `unlocked`.
        package var kind = ""
        /// Locked bytes, in use or not.
        package var lockedByteCount = 0
        /// Secrets in slots.
        package var slotsInUse = 0
    }

    /// Key operations since the start, by status: 2xx, 4xx, 5xx.
    package struct Requests: Equatable, Sendable {
        package var succeeded = 0
        package var refused = 0
        package var failed = 0
    }

    /// `ready`, or `unavailable` while the backend does not answer.
    package var state = ""
    /// The commit that the agent was built from.
    package var commit = ""
    package var processID = 0
    package var backend = Backend()
    package var cache = CacheReport()
    package var listeners: [Listener] = []
    package var memory = Memory()
    package var requests = Requests()

    package init() {}
}

extension AgentStatus: JSONWritable {
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("state", self.state)
            json.member("commit", self.commit)
            json.member("pid", self.processID)
            json.member("backend", self.backend)
            json.member("cache", self.cache)
            json.member("listeners", self.listeners)
            json.member("memory", self.memory)
            json.member("requests", self.requests)
        }
    }
}

extension AgentStatus.Backend: JSONWritable {
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("kind", self.kind)
            json.member("key", self.key)
            json.member("reachable", self.isReachable)
            json.member("endpoints", self.endpoints)
        }
    }
}

extension AgentStatus.Memory: JSONWritable {
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("kind", self.kind)
            json.member("locked_bytes", self.lockedByteCount)
            json.member("slots_in_use", self.slotsInUse)
        }
    }
}

extension AgentStatus.Requests: JSONWritable {
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("succeeded", self.succeeded)
            json.member("refused", self.refused)
            json.member("failed", self.failed)
        }
    }
}

extension AgentStatus.Endpoint: JSONWritable {
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("address", self.address)
            json.member("online", self.isOnline)
            json.member("in_flight", self.inFlight)
            json.member("contradictions", self.contradictions)
            if let latency = self.latencyMicroseconds { json.member("latency_us", latency) }
            if let seconds = self.downSeconds { json.member("down_seconds", seconds) }
            if let reason = self.reason { json.member("reason", reason) }
        }
    }
}

extension AgentStatus.Listener: JSONWritable {
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("name", self.name)
            json.member("address", self.address)
            json.member("connections", self.connections)
            json.member("refused", self.refused)
            if let end = self.validUntil { json.member("valid_until", end) }
        }
    }
}
