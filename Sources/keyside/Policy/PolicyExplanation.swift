// SPDX-License-Identifier: Apache-2.0

import Authorization
import ByteCoding
import KESProtocol

/// Explains in words why an identity may or may not request a path.
struct PolicyExplanation {
    private let principal: Principal
    private let path: String
    private let decision: Decision
    /// The names of the policies that are bound to the principal.
    private let policies: [String]
    /// Whether the path is open to every client, regardless of policies.
    private let isOpen: Bool

    /// - Parameter path: decoded.
    init(gate: Gate, principal: Principal, path: [UInt8]) {
        let route = KESRoute(decodedPath: path.span)
        let path = route?.lacksSlash(in: path.span) == true ? path + [UInt8(ascii: "/")] : path
        self.principal = principal
        self.path = String(decoding: path, as: UTF8.self)
        self.decision = gate.decide(.one(principal), path.span)
        self.policies = gate.policies(of: principal)
        self.isOpen = route?.endpoint.isOpenToAll == true
    }

    var isAllowed: Bool { self.isOpen || self.decision.isAllowed }

    var text: String {
        """
        decision: \(self.word)
        reason: \(self.reason)

        """
    }

    func writeMembers(to json: inout JSONWriter) {
        json.member("allowed", self.isAllowed)
        json.member("reason", self.reason)
        json.member("path", self.path)
        json.member("policy", self.rule?.policy)
        json.member("pattern", self.rule?.pattern)
    }

    private var word: String { self.isAllowed ? "allowed" : "denied" }

    /// The rule that decided; nil if none did.
    private var rule: (policy: String, pattern: String)? {
        switch self.decision {
        case .allowed(let policy, let pattern), .denied(let policy, let pattern):
            self.isOpen ? nil : (policy, pattern.description)
        case .administrator, .unmentioned, .unknownPrincipal:
            nil
        }
    }

    private var reason: String {
        if self.isOpen { return "'\(self.path)' is open to every client" }
        switch self.decision {
        case .administrator:
            return "'admin.identities' has the \(self.principal), which may request everything"
        case .allowed(let policy, let pattern):
            return "policy '\(policy)' allows '\(pattern)'"
        case .denied(let policy, let pattern):
            return "policy '\(policy)' denies '\(pattern)', which overrides 'allow'"
        case .unmentioned:
            let names = self.policies.map { "'\($0)'" }.joined(separator: ", ")
            return "policy \(names) allows nothing that '\(self.path)' matches"
        case .unknownPrincipal:
            return "no policy has the \(self.principal) in its 'identities'"
        }
    }
}
