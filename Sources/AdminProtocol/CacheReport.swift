// SPDX-License-Identifier: Apache-2.0

package import ByteCoding

/// Statistics of the agent's cache: the answer of `GET /v1/keyside/cache`, and the member `cache` of ``AgentStatus``:
///
///     {"enabled":true,"entries":…,"capacity":…,"any_ms":…,"unused_ms":…,"offline_ms":…,
///      "hits":…,"misses":…,"coalesced":…,"stale":…,"absent":…,"contradictions":…,"hit_ratio":0.98,
///      "renewals":{"succeeded":…,"refused":…,"failed":…},
///      "evictions":{"capacity":…,"expired":…,"purged":…,"contradicted":…}}
///
/// Counters start at 0 with the agent. All are 0 without a cache.
package struct CacheReport: Equatable, Sendable {
    /// Whether there is a cache.
    package var isEnabled = false
    /// Cached data keys, and their maximum number.
    package var entries = 0
    package var capacity = 0
    /// The settings `cache.expiry.any`, `.unused` and `.offline`.
    package var anyMilliseconds = 0
    package var unusedMilliseconds = 0
    package var offlineMilliseconds = 0
    /// Decrypts answered by fresh entries.
    package var hits = 0
    /// Decrypts that needed a key server.
    package var misses = 0
    /// Decrypts that shared the request of an identical one.
    package var coalesced = 0
    /// Decrypts answered by expired entries while no key server could be reached.
    package var stale = 0
    /// Requests refused because the key was known not to exist.
    package var absent = 0
    /// Answers whose plaintext differs from the cached one.
    package var contradictions = 0
    /// Renewals by outcome.
    package var renewals = Renewals()
    /// Entries removed, by reason.
    package var evictions = Evictions()

    /// Renewals by outcome.
    package struct Renewals: Equatable, Sendable {
        package var succeeded = 0
        package var refused = 0
        package var failed = 0

        package init() {}
    }

    /// Entries removed, by reason.
    package struct Evictions: Equatable, Sendable {
        package var capacity = 0
        package var expired = 0
        package var purged = 0
        /// Another plaintext arrived for the same ciphertext.
        package var contradicted = 0

        package init() {}
    }

    package init() {}

    /// Share of decrypts that were answered without a key server; nil before the first decrypt.
    package var hitRatio: Double? {
        // The counters may come from another process: adding them as integers could overflow.
        let answers = Double(self.hits) + Double(self.stale)
        let all = answers + Double(self.misses) + Double(self.coalesced)
        return all > 0 ? answers / all : nil
    }
}

extension CacheReport: JSONWritable {
    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("enabled", self.isEnabled)
            json.member("entries", self.entries)
            json.member("capacity", self.capacity)
            json.member("any_ms", self.anyMilliseconds)
            json.member("unused_ms", self.unusedMilliseconds)
            json.member("offline_ms", self.offlineMilliseconds)
            json.member("hits", self.hits)
            json.member("misses", self.misses)
            json.member("coalesced", self.coalesced)
            json.member("stale", self.stale)
            json.member("absent", self.absent)
            json.member("contradictions", self.contradictions)
            json.member("hit_ratio", self.hitRatio)
            json.member("renewals") { json in
                json.object { json in
                    json.member("succeeded", self.renewals.succeeded)
                    json.member("refused", self.renewals.refused)
                    json.member("failed", self.renewals.failed)
                }
            }
            json.member("evictions") { json in
                json.object { json in
                    json.member("capacity", self.evictions.capacity)
                    json.member("expired", self.evictions.expired)
                    json.member("purged", self.evictions.purged)
                    json.member("contradicted", self.evictions.contradicted)
                }
            }
        }
    }
}

/// Missing members keep their default.
extension CacheReport {
    package init(decoding text: Span<UInt8>) throws(JSONError) {
        var reader = JSONReader()
        try self.read(from: &reader, in: text)
    }

    mutating func read(from reader: inout JSONReader, in text: Span<UInt8>) throws(JSONError) {
        try reader.readMembers(in: text) { reader, name throws(JSONError) in
            switch name {
            case "enabled": try reader.read(&self.isEnabled, in: text)
            case "entries": try reader.read(&self.entries, in: text)
            case "capacity": try reader.read(&self.capacity, in: text)
            case "hits": try reader.read(&self.hits, in: text)
            case "misses": try reader.read(&self.misses, in: text)
            case "coalesced": try reader.read(&self.coalesced, in: text)
            case "stale": try reader.read(&self.stale, in: text)
            case "absent": try reader.read(&self.absent, in: text)
            case "contradictions": try reader.read(&self.contradictions, in: text)
            case "any_ms": try reader.read(&self.anyMilliseconds, in: text)
            case "unused_ms": try reader.read(&self.unusedMilliseconds, in: text)
            case "offline_ms": try reader.read(&self.offlineMilliseconds, in: text)
            case "renewals": try self.renewals.read(from: &reader, in: text)
            case "evictions": try self.evictions.read(from: &reader, in: text)
            default: try reader.skipValue(in: text)
            }
        }
    }
}

extension CacheReport.Renewals {
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

extension CacheReport.Evictions {
    fileprivate mutating func read(from reader: inout JSONReader, in text: Span<UInt8>) throws(JSONError) {
        try reader.readMembers(in: text) { reader, name throws(JSONError) in
            switch name {
            case "capacity": try reader.read(&self.capacity, in: text)
            case "expired": try reader.read(&self.expired, in: text)
            case "purged": try reader.read(&self.purged, in: text)
            case "contradicted": try reader.read(&self.contradicted, in: text)
            default: try reader.skipValue(in: text)
            }
        }
    }
}
