// SPDX-License-Identifier: Apache-2.0

/// The agent's settings, with the source of each, and all errors and warnings.
package struct LoadedSettings: Sendable {
    /// Invalid settings have their default here.
    package fileprivate(set) var settings = AgentSettings()
    /// Every setting of this version, in the order of declaration.
    package fileprivate(set) var values: [EffectiveValue] = []
    package fileprivate(set) var diagnostics: [Diagnostic] = []
}

extension AgentSettings {
    /// The prefix of every variable of a setting.
    package static let variablePrefix = "KEYSIDE_"
    /// The settings file without `--config` and `KEYSIDE_CONFIG`.
    package static let defaultFile = "/etc/keyside/config.yaml"

    /// Reads the settings. Precedence: flag, variable, file, default. An invalid value is reported even if a value of
    /// higher precedence overrides it.
    ///
    /// - Parameters:
    ///   - flags: values by flag: `--socket`. Every flag must belong to a setting.
    ///   - environment: variables other than `KEYSIDE_…` are ignored.
    ///   - configFile: the value of `--config`. If nil, `KEYSIDE_CONFIG` is used, then `defaultFile`, which may be
    ///     missing.
    package static func load(
        flags: [String: String] = [:],
        environment: [String: String] = [:],
        configFile: String? = nil,
        defaultFile: String = Self.defaultFile
    ) -> LoadedSettings {
        var loader = SettingsLoader()
        if let configFile {
            loader.take(SettingsFile(configFile, namedAt: .flag("--config")))
        } else if let named = environment[SettingsLoader.fileVariable] {
            loader.take(SettingsFile(named, namedAt: .variable(SettingsLoader.fileVariable)))
        } else {
            loader.take(SettingsFile(defaultFile, namedAt: nil))
        }
        loader.take(environment: environment)
        loader.take(flags: flags)
        return loader.finish()
    }
}

/// Applies the sources in order of increasing precedence.
private struct SettingsLoader {
    static let fileVariable = AgentSettings.variablePrefix + "CONFIG"
    /// The variable by which clients locate the agent. Also sets the agent's own socket, unless that setting's variable
    /// is set.
    static let clientVariable = AgentSettings.variablePrefix + "SOCKET"

    private var result = LoadedSettings()
    /// The place of each setting that is not at its default.
    private var places: [String: Place] = [:]
    private var policies = PolicyReader()

    mutating func take(_ file: SettingsFile) {
        self.result.diagnostics += file.diagnostics
        // Entries below a rejected path would repeat its error.
        var refused: String?
        for entry in file.entries {
            if let refused, entry.path.hasPrefix(refused + ".") { continue }
            refused = self.take(entry) ? nil : entry.path
        }
    }

    /// - Returns: false if no entry below this path can be valid.
    private mutating func take(_ entry: SettingsFile.Entry) -> Bool {
        if let setting = Setting.byPath[entry.path] {
            let remedy = "write " + (setting.isList ? "a list such as [\(setting.expectation)]" : setting.expectation)
            switch entry.value {
            case .text(let text) where !setting.isList: self.take(text, for: setting, at: entry.place)
            case .text: self.refuse(entry, "must be a list", remedy: remedy)
            case .nothing: self.refuse(entry, "has no value", remedy: "\(remedy), or remove it")
            case .list(let items) where setting.isList: self.take(items, for: setting, at: entry.place)
            case .list: self.refuse(entry, "cannot be a list", remedy: remedy)
            case .section: self.refuse(entry, "takes a value, not a section", remedy: remedy)
            }
            return entry.value != .section
        }
        if PolicyReader.isAbout(entry) { return self.policies.take(entry, reporting: &self.result.diagnostics) }
        if Setting.sections.contains(entry.path) {
            switch entry.value {
            case .section, .nothing: break
            case .text, .list:
                self.refuse(entry, "takes settings, not a value", remedy: "write them below it, indented")
            }
            return true
        }
        let remedy = Spelling.remedy(for: entry.path, among: Setting.names, otherwise: "remove it")
        self.result.diagnostics.report(.error, at: entry.place, "unknown setting '\(entry.path)'", remedy: remedy)
        return false
    }

    /// Whether Kubernetes created the variable, as it does for a service `keyside` in the container's namespace.
    private static func isServiceLink(_ name: String) -> Bool {
        let rest = name.dropFirst(AgentSettings.variablePrefix.count)
        return rest == "PORT" || rest.hasPrefix("PORT_") || rest.hasPrefix("SERVICE_HOST")
            || rest.hasPrefix("SERVICE_PORT")
    }

    mutating func take(environment: [String: String]) {
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) {
            guard name.hasPrefix(AgentSettings.variablePrefix) else { continue }
            guard name != Self.fileVariable, !Self.isServiceLink(name) else { continue }
            let place = Place.variable(name)
            if let setting = Setting.byVariable[name == Self.clientVariable ? "KEYSIDE_SOCKET_PATH" : name] {
                self.take(text, for: setting, at: place)
            } else if name.hasPrefix(Setting.variable(of: PolicyReader.section) + "_") {
                self.result.diagnostics.report(
                    .error, at: place, "policies have no variables",
                    remedy: "write them to the settings file, and unset it")
            } else {
                let names = Setting.all.map(\.variable) + [Self.fileVariable, Self.clientVariable]
                let remedy = Spelling.remedy(for: name, among: names, otherwise: "unset it")
                self.result.diagnostics.report(.error, at: place, "no setting has this variable", remedy: remedy)
            }
        }
    }

    mutating func take(flags: [String: String]) {
        for (name, text) in flags.sorted(by: { $0.key < $1.key }) {
            guard let setting = Setting.byFlag[name] else { preconditionFailure("no setting has the flag \(name)") }
            self.take(text, for: setting, at: .flag(name))
        }
    }

    private mutating func take(_ text: String, for setting: Setting, at place: Place) {
        switch setting.effect {
        case .list, .refusedList:
            let items = text.split(separator: ",").map { SettingsFile.Item(text: String($0).trimmed, place: place) }
            self.take(items, for: setting, at: place)
        case .field(let take, _):
            guard take(text, &self.result.settings) else { return self.refuse(text, for: setting, at: place) }
            self.places[setting.path] = place
        case .none(let accepts):
            guard accepts(text) else { return self.refuse(text, for: setting, at: place) }
            self.result.diagnostics.report(
                .warning,
                at: place,
                "'\(setting.path)' has no effect in this version",
                remedy: "remove it"
            )
        case .refused(let off):
            guard text != off else { return }
            self.refusePart(setting.path, at: place)
        }
    }

    private mutating func take(_ items: [SettingsFile.Item], for setting: Setting, at place: Place) {
        let texts = items.map { $0.text ?? "" }
        switch setting.effect {
        case .list(let take, _):
            let unfit = take(texts, &self.result.settings)
            for position in unfit { self.refuse(items[position], of: setting) }
            if unfit.isEmpty { self.places[setting.path] = place }
        case .refusedList(let off):
            if texts != off { self.refusePart(setting.path, at: place) }
        case .field, .none, .refused:
            preconditionFailure("\(setting.path) is no list")
        }
    }

    func finish() -> LoadedSettings {
        var result = self.result
        if !result.settings.cache.isOn, result.settings.cache.expiry.offline > .zero {
            result.diagnostics.report(
                .error, at: self.places["cache.expiry.offline"] ?? .flag("cache.expiry.offline"),
                "'cache.expiry.offline' has no effect: 'cache.expiry.any' is 0, so there is no cache",
                remedy: "set 'cache.expiry.any', or remove 'cache.expiry.offline'")
        }
        result.settings.policies = self.policies.policies
        result.diagnostics += AccessChecks(result.settings, places: self.places, policies: self.policies).diagnostics
        result.values = Setting.all.compactMap { setting in
            switch setting.effect {
            case .field(_, let show), .list(_, let show):
                let place = self.places[setting.path]
                return EffectiveValue(name: setting.path, value: show(result.settings), place: place)
            case .none, .refused, .refusedList:
                return nil
            }
        }
        result.values += self.policies.values
        return result
    }

    private mutating func refuse(_ text: String, for setting: Setting, at place: Place) {
        self.result.diagnostics.report(
            .error,
            at: place,
            "'\(setting.path)' cannot be '\(text)'",
            remedy: "write \(setting.expectation)"
        )
    }

    private mutating func refuse(_ item: SettingsFile.Item, of setting: Setting) {
        let found = item.text.map { "'\($0)'" } ?? "a value that is not text"
        self.result.diagnostics.report(
            .error, at: item.place, "'\(setting.path)' cannot hold \(found)", remedy: "write \(setting.expectation)")
    }

    private mutating func refuse(_ entry: SettingsFile.Entry, _ problem: String, remedy: String) {
        self.result.diagnostics.report(.error, at: entry.place, "'\(entry.path)' \(problem)", remedy: remedy)
    }

    private mutating func refusePart(_ path: String, at place: Place) {
        self.result.diagnostics.report(.error, at: place, "this version does not have '\(path)'", remedy: "remove it")
    }
}
