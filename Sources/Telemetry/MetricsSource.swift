// SPDX-License-Identifier: Apache-2.0

/// A part of the agent that counts. Whoever serves metrics asks every part in turn, and knows none of them.
package protocol MetricsSource: Sendable {
    /// Adds its families, each of them whole.
    func writeMetrics(to text: inout MetricsText)
}
