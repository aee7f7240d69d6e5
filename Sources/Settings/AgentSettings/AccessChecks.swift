// SPDX-License-Identifier: Apache-2.0

import Authorization
import Cryptography
import Linux

/// Checks that involve several of the sections `tls`, `admin` and `policy`.
struct AccessChecks {
    private(set) var diagnostics: [Diagnostic] = []
    private let settings: AgentSettings
    private let places: [String: Place]
    private let policies: PolicyReader

    /// - Parameter places: the place of each setting that is not at its default.
    init(_ settings: AgentSettings, places: [String: Place], policies: PolicyReader) {
        self.settings = settings
        self.places = places
        self.policies = policies
        if let address = settings.tls.listen {
            self.checkListener(at: address, place: places["tls.listen"] ?? .flag("tls.listen"))
        } else {
            self.warnOfMissingListener()
        }
        self.warnOfPoliciesOfAdministrators()
    }

    private mutating func checkListener(at address: ListenAddress, place: Place) {
        for (name, file, what) in [
            ("tls.cert", self.settings.tls.cert, "certificate"), ("tls.key", self.settings.tls.key, "private key"),
        ] where file == nil {
            self.diagnostics.report(
                .error, at: place, "'tls.listen' needs '\(name)'",
                remedy: "set it to the path of the server's \(what); 'keyside tls init' creates one")
        }
        if !address.isLoopback {
            self.diagnostics.report(
                .warning, at: place, "other machines can connect to \(address)",
                remedy: "write 127.0.0.1:\(address.port) unless this is intended")
        }
        if self.settings.admin.identities.isEmpty, self.settings.policies.allSatisfy(\.identities.isEmpty) {
            self.diagnostics.report(
                .warning, at: place, "the TLS listener will reject every key request: no policy has identities",
                remedy: "add the client's identity to 'policy.NAME.identities'; 'keyside identity of' prints it")
        }
    }

    private mutating func warnOfMissingListener() {
        for name in ["tls.cert", "tls.key", "tls.client_ca"] {
            guard let place = self.places[name], self.isSet(name) else { continue }
            self.diagnostics.report(
                .warning, at: place, "'\(name)' has no effect without 'tls.listen'",
                remedy: "set 'tls.listen' to 127.0.0.1:7373, or remove it")
        }
        let admin = self.settings.admin.identities.isEmpty ? nil : self.places["admin.identities"]
        guard let place = self.policies.firstPlace ?? admin else { return }
        self.diagnostics.report(
            .warning, at: place, "policies have no effect without 'tls.listen': they do not apply to the Unix socket",
            remedy: "set 'tls.listen', or control access by the socket's mode and group")
    }

    private func isSet(_ name: String) -> Bool {
        switch name {
        case "tls.cert": self.settings.tls.cert != nil
        case "tls.key": self.settings.tls.key != nil
        case _: self.settings.tls.clientCA != nil
        }
    }

    private mutating func warnOfPoliciesOfAdministrators() {
        for identity in self.settings.admin.identities {
            guard let place = self.policies.place(of: identity) else { continue }
            self.diagnostics.report(
                .warning, at: place, "'\(identity)' is in 'admin.identities', which overrides policies",
                remedy: "remove it here or from 'admin.identities'")
        }
    }
}
