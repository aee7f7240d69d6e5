// SPDX-License-Identifier: Apache-2.0

/// The agent's settings as its operator left them, with the source of each and everything that is wrong.
package struct LoadedSettings: Sendable {
    /// Whatever was said wrongly has its default here.
    package fileprivate(set) var settings = AgentSettings()
    /// Every setting of this version, in the order of their declaration.
    package fileprivate(set) var values: [EffectiveValue] = []
    package fileprivate(set) var diagnostics: [Diagnostic] = []
}

extension AgentSettings {
    package static let variablePrefix = "KEYSIDE_"
    package static let defaultFile = "/etc/keyside/config.yaml"

    /// Reads the settings: a flag counts more than a variable, a variable more than the file, the file more than the
    /// default. A wrong value is reported even where a right one counts more.
    ///
    /// - Parameters:
    ///   - flags: by the flag's name, `--socket`. Every name must be one that a setting has.
    ///   - environment: other variables than `KEYSIDE_…` are passed over.
    ///   - configFile: the value of `--config`. Without it `KEYSIDE_CONFIG` counts, and then `defaultFile`, which need
    ///     not exist.
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

/// Takes in one source after another, each counting more than those before it.
private struct SettingsLoader {
    static let fileVariable = AgentSettings.variablePrefix + "CONFIG"
    /// Where clients look for the agent, and so where it listens, unless the setting's own variable is there too.
    static let clientVariable = AgentSettings.variablePrefix + "SOCKET"

    private var result = LoadedSettings()
    /// Where each setting that is not at its default was given.
    private var places: [String: Place] = [:]

    mutating func take(_ file: SettingsFile) {
        self.result.diagnostics += file.diagnostics
        // Below a path that is refused, everything else would be said twice.
        var refused: String?
        for entry in file.entries {
            if let refused, entry.path.hasPrefix(refused + ".") { continue }
            refused = self.take(entry) ? nil : entry.path
        }
    }

    /// - Returns: false if nothing below the entry's path can be right either.
    private mutating func take(_ entry: SettingsFile.Entry) -> Bool {
        if let setting = Setting.byPath[entry.path] {
            switch entry.value {
            case .text(let text): self.take(text, for: setting, at: entry.place)
            case .nothing: self.refuse(entry, "has no value", remedy: "write \(setting.expectation), or remove it")
            case .list: self.refuse(entry, "cannot be a list", remedy: "write \(setting.expectation)")
            case .section: self.refuse(entry, "has nothing below it", remedy: "write \(setting.expectation)")
            }
            return entry.value != .section
        }
        if Setting.refusedSections.contains(entry.path) {
            self.refuseSection(entry.path, at: entry.place)
            return false
        }
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

    /// Whether Kubernetes made the variable, as it does for the containers of a namespace that has a service `keyside`.
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
            } else if let section = Setting.refusedSection(withVariable: name) {
                self.refuseSection(section, at: place)
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
            self.refuseSection(setting.path, at: place)
        }
    }

    func finish() -> LoadedSettings {
        var result = self.result
        if !result.settings.cache.isOn, result.settings.cache.expiry.offline > .zero {
            result.diagnostics.report(
                .error, at: self.places["cache.expiry.offline"] ?? .flag("cache.expiry.offline"),
                "'cache.expiry.offline' extends 'cache.expiry.any', and that is 0: there is no cache",
                remedy: "set 'cache.expiry.any', or remove 'cache.expiry.offline'")
        }
        result.values = Setting.all.compactMap { setting in
            guard case .field(_, let show) = setting.effect else { return nil }
            return EffectiveValue(
                name: setting.path,
                value: show(result.settings),
                place: self.places[setting.path]
            )
        }
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

    private mutating func refuse(_ entry: SettingsFile.Entry, _ problem: String, remedy: String) {
        self.result.diagnostics.report(.error, at: entry.place, "'\(entry.path)' \(problem)", remedy: remedy)
    }

    private mutating func refuseSection(_ path: String, at place: Place) {
        self.result.diagnostics.report(.error, at: place, "this version does not have '\(path)'", remedy: "remove it")
    }
}
