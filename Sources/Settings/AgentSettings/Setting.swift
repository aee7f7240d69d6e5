// SPDX-License-Identifier: Apache-2.0

/// The declaration of a setting: its path, its format, and its effect. Paths are a contract with operators; variables
/// are derived from them.
struct Setting: Sendable {
    enum Effect: Sendable {
        /// `take` parses a text into its field and returns false if the text is invalid.
        case field(
            take: @Sendable (String, inout AgentSettings) -> Bool,
            show: @Sendable (AgentSettings) -> String
        )
        /// As ``field``, for a list. `take` returns the indices of invalid items, and sets the list only if there are
        /// none.
        case list(
            take: @Sendable ([String], inout AgentSettings) -> [Int],
            show: @Sendable (AgentSettings) -> String
        )
        /// A planned feature that operation does not depend on. The format is checked all the same.
        case none(accepts: @Sendable (String) -> Bool)
        /// A planned feature that an operator may depend on: any value except `unless` is an error.
        case refused(unless: String)
        /// As ``refused(unless:)``, for a list.
        case refusedList(unless: [String])
    }

    /// The path in the file: `socket.path`.
    let path: String
    let flag: String?
    let expectation: String
    let effect: Effect

    var isList: Bool {
        switch self.effect {
        case .list, .refusedList: true
        case .field, .none, .refused: false
        }
    }

    /// The variable of the setting: `KEYSIDE_SOCKET_PATH`.
    var variable: String { Self.variable(of: self.path) }

    static func variable(of path: String) -> String {
        AgentSettings.variablePrefix + path.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
    }

    private init<Value>(
        _ path: String,
        _ form: SettingCodec<Value>,
        _ field: any WritableKeyPath<AgentSettings, Value> & Sendable,
        flag: String? = nil
    ) {
        self.path = path
        self.flag = flag
        self.expectation = form.expectation
        self.effect = .field { text, settings in
            guard let value = form.parse(text) else { return false }
            settings[keyPath: field] = value
            return true
        } show: { settings in
            form.format(settings[keyPath: field])
        }
    }

    /// A list whose items have the given format.
    private init<Item>(
        _ path: String,
        listOf form: SettingCodec<Item>,
        _ field: any WritableKeyPath<AgentSettings, [Item]> & Sendable
    ) {
        self.path = path
        self.flag = nil
        self.expectation = form.expectation
        self.effect = .list { texts, settings in
            let items = texts.map(form.parse)
            let unfit = items.indices.filter { items[$0] == nil }
            if unfit.isEmpty { settings[keyPath: field] = items.compactMap(\.self) }
            return unfit
        } show: { settings in
            Self.show(settings[keyPath: field].map(form.format))
        }
    }

    private init<Value>(withoutEffect path: String, _ form: SettingCodec<Value>) {
        self.path = path
        self.flag = nil
        self.expectation = form.expectation
        self.effect = .none { form.parse($0) != nil }
    }

    private init(refused path: String, unless off: String) {
        self.path = path
        self.flag = nil
        self.expectation = off
        self.effect = .refused(unless: off)
    }

    private init(refused path: String, unless off: [String]) {
        self.path = path
        self.flag = nil
        self.expectation = off.joined(separator: ", ")
        self.effect = .refusedList(unless: off)
    }

    /// A list in YAML syntax.
    static func show(_ items: [String]) -> String { "[" + items.joined(separator: ", ") + "]" }
}

extension Setting {
    static let all: [Setting] = [
        Setting("socket.path", .socketPath, \.socket.path, flag: "--socket"),
        Setting("socket.mode", .mode, \.socket.mode, flag: "--socket-mode"),
        Setting("socket.owner", .account, \.socket.owner, flag: "--socket-owner"),
        Setting("socket.group", .account, \.socket.group, flag: "--socket-group"),
        Setting("tls.listen", .listenAddress, \.tls.listen, flag: "--tls-listen"),
        Setting("tls.cert", .file, \.tls.cert, flag: "--tls-cert"),
        Setting("tls.key", .file, \.tls.key, flag: "--tls-key"),
        Setting("tls.client_ca", .file, \.tls.clientCA, flag: "--tls-client-ca"),
        Setting("memory.allow_unlocked", .boolean, \.memory.allowUnlocked),
        Setting("memory.locked_max", .size((4 << 20)...(16 << 30)), \.memory.lockedMax),
        Setting("cache.max_entries", .integer(1...100_000_000), \.cache.maxEntries),
        Setting("cache.expiry.any", .duration(), \.cache.expiry.any),
        Setting("cache.expiry.unused", .duration(), \.cache.expiry.unused),
        Setting("cache.expiry.offline", .duration(), \.cache.expiry.offline),
        Setting("upstream.timeout", .duration(atLeast: .milliseconds(1)), \.upstream.timeout),
        Setting("upstream.connect_timeout", .duration(atLeast: .milliseconds(1)), \.upstream.connectTimeout),
        Setting("upstream.max_in_flight", .integer(1...1_000_000), \.upstream.maxInFlight),
        Setting("upstream.max_queued", .integer(0...1_000_000), \.upstream.maxQueued),
        Setting("upstream.hedge", .boolean, \.upstream.hedge),
        Setting("upstream.http", .choice, \.upstream.http),
        Setting("ready.require_upstream", .boolean, \.ready.requireUpstream),
        Setting("limits.connections", .integer(1...1_000_000), \.limits.connections),
        Setting(
            "limits.unauthenticated_connections", .integer(1...1_000_000), \.limits.unauthenticatedConnections),
        Setting("limits.header_timeout", .duration(atLeast: .milliseconds(1)), \.limits.headerTimeout),
        Setting("limits.idle_timeout", .duration(atLeast: .milliseconds(1)), \.limits.idleTimeout),
        Setting("shutdown.drain", .duration(), \.shutdown.drain),
        Setting("log.level", .choice, \.log.level, flag: "--log-level"),
        Setting("log.format", .choice, \.log.format, flag: "--log-format"),
        Setting("admin.identities", listOf: .identity, \.admin.identities),

        Setting(withoutEffect: "limits.connections_per_principal", .integer(1...1_000_000)),
        Setting(withoutEffect: "limits.requests_per_second_per_principal", .integer(0...1_000_000_000)),
        Setting(withoutEffect: "cache.keep_across_restart", .boolean),

        Setting(refused: "admin.users", unless: ["root"]),
        Setting(refused: "audit.sink", unless: "none"),
        Setting(withoutEffect: "audit.file", .anyText),
        Setting(withoutEffect: "audit.on_full", .oneOf(["drop", "refuse"])),
    ]

    /// The sections of settings: `cache` and `cache.expiry` for `cache.expiry.any`.
    static let sections = Set(
        all.flatMap { setting in
            setting.path.indices.filter { setting.path[$0] == "." }.map { String(setting.path[..<$0]) }
        }
    )

    /// All names that the file may contain.
    static let names = all.map(\.path) + sections.sorted() + [PolicyReader.section]

    static let byPath = Dictionary(uniqueKeysWithValues: all.map { ($0.path, $0) })
    static let byVariable = Dictionary(uniqueKeysWithValues: all.map { ($0.variable, $0) })
    static let byFlag = Dictionary(
        uniqueKeysWithValues: all.compactMap { setting in setting.flag.map { ($0, setting) } }
    )
}
