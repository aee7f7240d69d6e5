// SPDX-License-Identifier: Apache-2.0

/// A part of the agent that has metrics. The metrics endpoint asks each source in turn.
package protocol MetricsSource: Sendable {
    /// Appends complete families: the samples of a family must not be spread over sources.
    func writeMetrics(to text: inout MetricsText)
}
