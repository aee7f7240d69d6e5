// SPDX-License-Identifier: Apache-2.0

import Authorization
import Cryptography

/// Reads `policy.NAME.…`, the settings with operator-defined names.
struct PolicyReader {
    static let section = "policy"

    /// The members of a policy.
    fileprivate enum Member: String, CaseIterable {
        case allow, deny, identities
        /// Parties that policies cannot be bound to in this version.
        case users, groups, units
    }

    private struct Draft {
        let name: String
        let place: Place
        var allow: [PathPattern] = []
        var deny: [PathPattern] = []
        var identities: [Identity] = []
        /// The place of each member.
        var places: [Member: Place] = [:]
    }

    private var drafts: [Draft] = []
    /// The policy of each identity, and the place of the binding.
    private var bindings: [Identity: (policy: String, place: Place)] = [:]

    /// Whether this reader handles an entry of the file.
    static func isAbout(_ entry: SettingsFile.Entry) -> Bool {
        entry.path == Self.section || entry.path.hasPrefix(Self.section + ".")
    }

    /// - Returns: false if no entry below this path can be valid.
    mutating func take(_ entry: SettingsFile.Entry, reporting diagnostics: inout [Diagnostic]) -> Bool {
        let parts = entry.path.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 1: return Self.checkSection(entry, of: "policies by their names", reporting: &diagnostics)
        case 2: return self.takePolicy(parts[1], entry, reporting: &diagnostics)
        case _: return self.takeMember(parts[2], of: parts[1], entry, reporting: &diagnostics)
        }
    }

    /// The policies in the order of the file.
    var policies: [AgentSettings.BoundPolicy] {
        self.drafts.map { draft in
            AgentSettings.BoundPolicy(
                policy: Policy(name: draft.name, allow: draft.allow, deny: draft.deny), identities: draft.identities)
        }
    }

    /// The place of the first policy.
    var firstPlace: Place? { self.drafts.first?.place }

    /// The place where an identity is bound to a policy.
    func place(of identity: Identity) -> Place? { self.bindings[identity]?.place }

    /// The members of each policy, with their sources.
    var values: [EffectiveValue] {
        self.drafts.flatMap { draft in
            [
                (Member.allow, draft.allow.map(\.description)), (.deny, draft.deny.map(\.description)),
                (.identities, draft.identities.map(\.description)),
            ]
            .map { member, texts in
                EffectiveValue(
                    name: Self.path(of: member, in: draft.name), value: Setting.show(texts), place: draft.places[member]
                )
            }
        }
    }

    private static func path(of member: Member, in name: String) -> String {
        "\(Self.section).\(name).\(member.rawValue)"
    }
}

// MARK: One entry

extension PolicyReader {
    private static func checkSection(
        _ entry: SettingsFile.Entry, of contents: String, reporting diagnostics: inout [Diagnostic]
    ) -> Bool {
        switch entry.value {
        case .section, .nothing:
            return true
        case .text, .list:
            diagnostics.report(
                .error, at: entry.place, "'\(entry.path)' takes \(contents), not a value",
                remedy: "write them below it, indented")
            return false
        }
    }

    private mutating func takePolicy(
        _ name: String, _ entry: SettingsFile.Entry, reporting diagnostics: inout [Diagnostic]
    ) -> Bool {
        guard Policy.isName(name) else {
            diagnostics.report(
                .error, at: entry.place, "'\(name)' cannot be the name of a policy",
                remedy: "write 1 to 80 letters, digits, '-' and '_', with no '-' at either end")
            return false
        }
        guard Self.checkSection(entry, of: "settings", reporting: &diagnostics) else { return false }
        self.addDraft(name, at: entry.place)
        return true
    }

    private mutating func takeMember(
        _ word: String, of name: String, _ entry: SettingsFile.Entry, reporting diagnostics: inout [Diagnostic]
    ) -> Bool {
        guard let member = Member(rawValue: word) else {
            let names = Member.allCases.map { Self.path(of: $0, in: name) }
            let remedy = Spelling.remedy(for: entry.path, among: names, otherwise: "remove it")
            diagnostics.report(.error, at: entry.place, "unknown setting '\(entry.path)'", remedy: remedy)
            return false
        }
        guard case .list(let items) = entry.value else {
            diagnostics.report(
                .error, at: entry.place, "'\(entry.path)' must be a list",
                remedy: "write a list such as [\(member.example)]")
            return entry.value != .section
        }
        let index = self.addDraft(name, at: entry.place)
        self.drafts[index].places[member] = entry.place
        switch member {
        case .allow: self.drafts[index].allow = Self.patterns(items, at: entry.path, reporting: &diagnostics)
        case .deny: self.drafts[index].deny = Self.patterns(items, at: entry.path, reporting: &diagnostics)
        case .identities:
            let identities = Self.values(items, .identity, at: entry.path, reporting: &diagnostics)
            self.drafts[index].identities =
                identities.filter { identity, place in
                    self.bind(identity, to: name, at: place, reporting: &diagnostics)
                }
                .map(\.value)
        case .users, .groups, .units:
            guard !items.isEmpty else { return true }
            diagnostics.report(
                .error, at: entry.place, "this version does not have '\(entry.path)'",
                remedy: "leave it empty; control access by the socket's mode and group")
        }
        return true
    }

    /// - Returns: the index of the draft with this name.
    @discardableResult
    private mutating func addDraft(_ name: String, at place: Place) -> Int {
        if let index = self.drafts.firstIndex(where: { $0.name == name }) { return index }
        self.drafts.append(Draft(name: name, place: place))
        return self.drafts.endIndex - 1
    }

    private static func patterns(
        _ items: [SettingsFile.Item], at path: String, reporting diagnostics: inout [Diagnostic]
    ) -> [PathPattern] {
        let patterns = Self.values(items, .pathPattern, at: path, reporting: &diagnostics)
        for (pattern, place) in patterns where pattern.hasIdleStar {
            diagnostics.report(
                .warning, at: place, "in '\(pattern)' a '*' that is not at the end matches itself",
                remedy: "write one pattern per path")
        }
        return patterns.map(\.value)
    }

    private static func values<Value>(
        _ items: [SettingsFile.Item], _ form: SettingCodec<Value>, at path: String,
        reporting diagnostics: inout [Diagnostic]
    ) -> [(value: Value, place: Place)] {
        items.compactMap { item in
            if let value = item.text.flatMap(form.parse) { return (value, item.place) }
            let found = item.text.map { "'\($0)'" } ?? "a value that is not text"
            diagnostics.report(
                .error, at: item.place, "'\(path)' cannot hold \(found)", remedy: "write \(form.expectation)")
            return nil
        }
    }

    /// - Returns: false if the identity already has a policy. KES does not start with two.
    private mutating func bind(
        _ identity: Identity, to policy: String, at place: Place, reporting diagnostics: inout [Diagnostic]
    ) -> Bool {
        guard let (other, otherPlace) = self.bindings[identity] else {
            self.bindings[identity] = (policy, place)
            return true
        }
        diagnostics.report(
            .error, at: place,
            "cannot assign policy '\(policy)' to '\(identity)': identity already has a policy, '\(other)'",
            remedy: "keep one of the two; the other is at \(otherPlace)")
        return false
    }
}

extension PolicyReader.Member {
    /// An example of an item.
    fileprivate var example: String {
        switch self {
        case .allow, .deny: "/v1/key/decrypt/*"
        case .identities: "3f…, 64 hexadecimal digits"
        case .users, .groups, .units: ""
        }
    }
}
