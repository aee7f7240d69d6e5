// SPDX-License-Identifier: Apache-2.0

package import Telemetry

extension CachedKeyService: MetricsSource {
    package func writeMetrics(to text: inout MetricsText) {
        let statistics = self.statistics
        text.family("keyside_cache_entries", .gauge, "Data keys in the cache.", Double(statistics.entries))
        text.family(
            "keyside_cache_capacity_entries", .gauge, "Maximum number of data keys.",
            Double(statistics.capacity))
        text.family("keyside_cache_hits_total", .counter, "Decrypts answered from the cache.", Double(statistics.hits))
        text.family(
            "keyside_cache_misses_total", .counter, "Decrypts that needed a key server.",
            Double(statistics.misses))
        text.family(
            "keyside_cache_coalesced_total", .counter, "Decrypts that shared the answer to an identical one.",
            Double(statistics.coalesced))
        text.family(
            "keyside_cache_stale_total", .counter, "Decrypts answered past 'any' with no key server reachable.",
            Double(statistics.stale))
        text.family(
            "keyside_cache_contradictions_total", .counter,
            "Decrypts whose plaintext differs from the cached plaintext of the same ciphertext.",
            Double(statistics.contradictions))
        text.family(
            "keyside_cache_renewals_total", .counter, "Data keys renewed before they expired.",
            [
                (["outcome": "succeeded"] as MetricsText.Labels, Double(statistics.renewals.succeeded)),
                (["outcome": "refused"] as MetricsText.Labels, Double(statistics.renewals.refused)),
                (["outcome": "failed"] as MetricsText.Labels, Double(statistics.renewals.failed)),
            ])
        text.family(
            "keyside_cache_evictions_total", .counter, "Data keys removed from the cache, by reason.",
            [
                (["reason": "capacity"] as MetricsText.Labels, Double(statistics.evictions.capacity)),
                (["reason": "expired"] as MetricsText.Labels, Double(statistics.evictions.expired)),
                (["reason": "purged"] as MetricsText.Labels, Double(statistics.evictions.purged)),
                (["reason": "contradicted"] as MetricsText.Labels, Double(statistics.evictions.contradicted)),
            ])
    }
}
