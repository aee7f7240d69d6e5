// SPDX-License-Identifier: Apache-2.0

import Telemetry

/// Requests that were refused for a right.
final class Denials: Sendable {
    /// Without a certificate that says who asks, or with too many.
    let forCertificate = Counter()
    /// The identity has no policy, or none that lets it.
    let byPolicy = Counter()
}
