// SPDX-License-Identifier: Apache-2.0

package import ByteCoding

extension KESAnswer {
    /// The status of a server and its key store.
    package struct Status: Equatable, Sendable {
        /// The state of the server's key store.
        package enum KeyStore: Equatable, Sendable {
            /// Encoded in whole milliseconds, at least 1.
            case reachable(latency: Duration)
            /// KES sends only `keystore_unreachable`, but its client requires `keystore_unavailable` too. So both are
            /// sent.
            case unreachable
        }

        package var version = ""
        package var operatingSystem = ""
        package var architecture = ""
        /// Encoded in whole seconds.
        package var uptime = Duration.zero
        package var processorCount = 0
        /// Processors that the process may use.
        package var usableProcessorCount = 0
        /// Bytes allocated on the heap.
        package var heapByteCount = 0
        package var stackByteCount = 0
        package var keyStore = KeyStore.reachable(latency: .zero)
        /// The agent's own status, an object. KES's clients ignore it.
        package var keyside: JSONFragment?

        package init() {}

        /// No member is required: missing members keep their default.
        package init(decoding body: Span<UInt8>) throws(Unusable) {
            do throws(JSONError) {
                try self.read(body)
            } catch {
                throw .unreadable(error)
            }
        }

        /// Encoded, with a line feed.
        package var body: [UInt8] {
            JSONWriter.line { json in
                json.member("version", self.version)
                json.member("os", self.operatingSystem)
                json.member("arch", self.architecture)
                json.member("uptime", Int(self.uptime.components.seconds))
                json.member("num_cpu", self.processorCount)
                json.member("num_cpu_used", self.usableProcessorCount)
                json.member("mem_heap_used", self.heapByteCount)
                json.member("mem_stack_used", self.stackByteCount)
                switch self.keyStore {
                case .reachable(let latency):
                    json.member("keystore_latency", max(1, latency.wholeMilliseconds))
                case .unreachable:
                    json.member("keystore_unavailable", true)
                    json.member("keystore_unreachable", true)
                }
                if let keyside = self.keyside { json.member("keyside", keyside) }
            }
        }
    }
}

extension KESAnswer.Status {
    private mutating func read(_ body: Span<UInt8>) throws(JSONError) {
        var version: String?
        var operatingSystem: String?
        var architecture: String?
        var uptime: Int?
        var processorCount: Int?
        var usableProcessorCount: Int?
        var heapByteCount: Int?
        var stackByteCount: Int?
        var latency: Int?
        var isUnavailable: Bool?
        var isUnreachable: Bool?
        var reader = JSONReader()
        try reader.enterObject(in: body)
        while let member = try reader.nextMember(in: body) {
            switch member {
            case .version: try reader.readString(into: &version, in: body)
            case "os": try reader.readString(into: &operatingSystem, in: body)
            case "arch": try reader.readString(into: &architecture, in: body)
            case "uptime": try reader.readInteger(into: &uptime, in: body)
            case "num_cpu": try reader.readInteger(into: &processorCount, in: body)
            case "num_cpu_used": try reader.readInteger(into: &usableProcessorCount, in: body)
            case "mem_heap_used": try reader.readInteger(into: &heapByteCount, in: body)
            case "mem_stack_used": try reader.readInteger(into: &stackByteCount, in: body)
            case "keystore_latency": try reader.readInteger(into: &latency, in: body)
            case "keystore_unavailable": try reader.readBoolean(into: &isUnavailable, in: body)
            case "keystore_unreachable": try reader.readBoolean(into: &isUnreachable, in: body)
            case "keyside": try reader.readFragment(into: &self.keyside, in: body)
            default: try reader.skipValue(in: body)
            }
        }
        self.version = version ?? ""
        self.operatingSystem = operatingSystem ?? ""
        self.architecture = architecture ?? ""
        self.uptime = .seconds(uptime ?? 0)
        self.processorCount = processorCount ?? 0
        self.usableProcessorCount = usableProcessorCount ?? 0
        self.heapByteCount = heapByteCount ?? 0
        self.stackByteCount = stackByteCount ?? 0
        self.keyStore =
            isUnavailable == true || isUnreachable == true
            ? .unreachable : .reachable(latency: .milliseconds(latency ?? 0))
    }
}

extension Duration {
    fileprivate var wholeMilliseconds: Int {
        Int(clamping: self.attoseconds / 1_000_000_000_000_000)
    }
}
