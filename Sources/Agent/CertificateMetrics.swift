// SPDX-License-Identifier: Apache-2.0

import ClientCredentials
import Cryptography
import Telemetry

/// Metrics of the agent's certificates, for both roles.
struct CertificateMetrics: MetricsSource {
    let keyServers: KeyServers?
    let listener: ListenerReloader?

    func writeMetrics(to text: inout MetricsText) {
        var expiries: [(MetricsText.Labels, Double)] = []
        var reloads: [(MetricsText.Labels, Double)] = []
        func reload(_ role: String, replaced: Int, refused: Int) {
            reloads.append((["role": role, "outcome": "replaced"], Double(replaced)))
            reloads.append((["role": role, "outcome": "refused"], Double(refused)))
        }
        if let credentials = self.keyServers?.credentials {
            expiries.append((["role": CredentialRole.client.rawValue], Double(credentials.validity.notAfter)))
            for role in CredentialRole.allCases {
                reload(
                    role.rawValue, replaced: credentials.replaced[role] ?? 0, refused: credentials.refused[role] ?? 0)
            }
        }
        if let listener = self.listener?.status {
            expiries.append((["role": "listener"], Double(listener.validity.notAfter)))
            reload("listener", replaced: listener.replaced, refused: listener.refused)
        }
        text.family(
            "keyside_certificate_expiry_timestamp_seconds", .gauge,
            "Expiry of the certificate in use, in seconds since 1970.",
            expiries)
        text.family(
            "keyside_certificate_reloads_total", .counter, "Certificate reloads by outcome.", reloads)
    }
}
