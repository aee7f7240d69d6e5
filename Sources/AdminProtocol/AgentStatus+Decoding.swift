// SPDX-License-Identifier: Apache-2.0

package import ByteCoding

/// Missing members keep their default: a newer client may ask an older agent.
extension AgentStatus {
    package init(decoding text: Span<UInt8>) throws(JSONError) {
        var reader = JSONReader()
        try reader.readMembers(in: text) { reader, name throws(JSONError) in
            switch name {
            case "state": try reader.read(&self.state, in: text)
            case "commit": try reader.read(&self.commit, in: text)
            case "pid": try reader.read(&self.processID, in: text)
            case "backend": try self.backend.read(from: &reader, in: text)
            case "listeners":
                try reader.enterArray(in: text)
                while try reader.nextElement(in: text) {
                    self.listeners.append(try Listener(from: &reader, in: text))
                }
            case "cache": try self.cache.read(from: &reader, in: text)
            case "memory": try self.memory.read(from: &reader, in: text)
            case "requests": try self.requests.read(from: &reader, in: text)
            default: try reader.skipValue(in: text)
            }
        }
    }
}

extension AgentStatus.Backend {
    fileprivate mutating func read(from reader: inout JSONReader, in text: Span<UInt8>) throws(JSONError) {
        try reader.readMembers(in: text) { reader, name throws(JSONError) in
            switch name {
            case "kind": try reader.read(&self.kind, in: text)
            case "key": try reader.read(&self.key, in: text)
            case "reachable": try reader.read(&self.isReachable, in: text)
            case "endpoints":
                try reader.enterArray(in: text)
                while try reader.nextElement(in: text) {
                    self.endpoints.append(try AgentStatus.Endpoint(from: &reader, in: text))
                }
            default: try reader.skipValue(in: text)
            }
        }
    }
}

extension AgentStatus.Endpoint {
    fileprivate init(from reader: inout JSONReader, in text: Span<UInt8>) throws(JSONError) {
        self.init(address: "", isOnline: false)
        try reader.readMembers(in: text) { reader, name throws(JSONError) in
            switch name {
            case "address": try reader.read(&self.address, in: text)
            case "online": try reader.read(&self.isOnline, in: text)
            case "in_flight": try reader.read(&self.inFlight, in: text)
            case "contradictions": try reader.read(&self.contradictions, in: text)
            case "latency_us": try reader.readInteger(into: &self.latencyMicroseconds, in: text)
            case "down_seconds": try reader.readInteger(into: &self.downSeconds, in: text)
            case "reason": try reader.readString(into: &self.reason, in: text)
            default: try reader.skipValue(in: text)
            }
        }
    }
}

extension AgentStatus.Listener {
    fileprivate init(from reader: inout JSONReader, in text: Span<UInt8>) throws(JSONError) {
        self.init(name: "", address: "", connections: 0, refused: 0)
        try reader.readMembers(in: text) { reader, name throws(JSONError) in
            switch name {
            case "name": try reader.read(&self.name, in: text)
            case "address": try reader.read(&self.address, in: text)
            case "connections": try reader.read(&self.connections, in: text)
            case "refused": try reader.read(&self.refused, in: text)
            case "valid_until": try reader.readString(into: &self.validUntil, in: text)
            default: try reader.skipValue(in: text)
            }
        }
    }
}

extension AgentStatus.Memory {
    fileprivate mutating func read(from reader: inout JSONReader, in text: Span<UInt8>) throws(JSONError) {
        try reader.readMembers(in: text) { reader, name throws(JSONError) in
            switch name {
            case "kind": try reader.read(&self.kind, in: text)
            case "locked_bytes": try reader.read(&self.lockedByteCount, in: text)
            case "slots_in_use": try reader.read(&self.slotsInUse, in: text)
            default: try reader.skipValue(in: text)
            }
        }
    }
}

extension AgentStatus.Requests {
    fileprivate mutating func read(from reader: inout JSONReader, in text: Span<UInt8>) throws(JSONError) {
        try reader.readMembers(in: text) { reader, name throws(JSONError) in
            switch name {
            case "succeeded": try reader.read(&self.succeeded, in: text)
            case "refused": try reader.read(&self.refused, in: text)
            case "failed": try reader.read(&self.failed, in: text)
            default: try reader.skipValue(in: text)
            }
        }
    }
}

/// Members that keep their value if the text has none.
extension JSONReader {
    mutating func readMembers(
        in text: Span<UInt8>, _ body: (inout JSONReader, JSONName) throws(JSONError) -> Void
    ) throws(JSONError) {
        try self.enterObject(in: text)
        while let name = try self.nextMember(in: text) { try body(&self, name) }
    }

    mutating func read(_ value: inout String, in text: Span<UInt8>) throws(JSONError) {
        var field: String?
        try self.readString(into: &field, in: text)
        value = field ?? value
    }

    mutating func read(_ value: inout Int, in text: Span<UInt8>) throws(JSONError) {
        var field: Int?
        try self.readInteger(into: &field, in: text)
        value = field ?? value
    }

    mutating func read(_ value: inout Bool, in text: Span<UInt8>) throws(JSONError) {
        var field: Bool?
        try self.readBoolean(into: &field, in: text)
        value = field ?? value
    }
}
