// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Settings

@Suite("The agent's settings")
struct AgentSettingsTests {
    private static let nowhere = "/nonexistent/config.yaml"
    private let folder: TemporaryDirectory

    init() throws { self.folder = try TemporaryDirectory() }

    /// Loads a file of `yaml`, whose path is left out of the diagnostics.
    private func load(_ yaml: String) throws -> (settings: AgentSettings, diagnostics: [String]) {
        let path = try self.folder.write(yaml, to: "c")
        let loaded = AgentSettings.load(configFile: path)
        return (loaded.settings, loaded.diagnostics.map { String($0.description.dropFirst(path.count + 1)) })
    }

    private static func value(_ path: String, in loaded: LoadedSettings) -> EffectiveValue? {
        loaded.values.first { $0.name == path }
    }

    // MARK: Precedence

    @Test("without anything, all settings have their defaults, and say so")
    func defaults() {
        let loaded = AgentSettings.load(defaultFile: Self.nowhere)
        #expect(loaded.settings == AgentSettings())
        #expect(loaded.diagnostics.isEmpty)
        #expect(
            loaded.values.map { "\($0.name): \($0.value) (\($0.source))" } == [
                "socket.path: /run/keyside/keyside.sock (default)", "socket.mode: 0660 (default)",
                "socket.owner:  (default)", "socket.group:  (default)", "tls.listen:  (default)",
                "tls.cert:  (default)", "tls.key:  (default)", "tls.client_ca:  (default)",
                "memory.allow_unlocked: false (default)", "memory.locked_max: 64MiB (default)",
                "cache.max_entries: 65536 (default)", "cache.expiry.any: 5m (default)",
                "cache.expiry.unused: 1m (default)", "cache.expiry.offline: 0s (default)",
                "upstream.timeout: 10s (default)", "upstream.connect_timeout: 2s (default)",
                "upstream.max_in_flight: 512 (default)", "upstream.max_queued: 2048 (default)",
                "upstream.hedge: false (default)", "upstream.http: auto (default)",
                "ready.require_upstream: true (default)", "limits.connections: 1024 (default)",
                "limits.unauthenticated_connections: 128 (default)",
                "limits.header_timeout: 5s (default)", "limits.idle_timeout: 2m (default)",
                "shutdown.drain: 10s (default)", "log.level: info (default)", "log.format: text (default)",
                "admin.identities: [] (default)",
            ]
        )
    }

    @Test("a flag counts more than a variable, a variable more than the file, the file more than the default")
    func precedence() throws {
        let file = try self.folder.write(
            "log:\n  level: debug\n  format: json\nsocket:\n  path: /run/file.sock\n  mode: 0600\n",
            to: "c"
        )
        let loaded = AgentSettings.load(
            flags: ["--socket": "/run/flag.sock"],
            environment: [
                "KEYSIDE_SOCKET_PATH": "/run/variable.sock", "KEYSIDE_LOG_LEVEL": "error", "HOME": "/root",
            ],
            configFile: file
        )
        #expect(loaded.diagnostics.isEmpty)
        #expect(Self.value("socket.path", in: loaded)?.value == "/run/flag.sock")
        #expect(Self.value("socket.path", in: loaded)?.source == "--socket")
        #expect(Self.value("log.level", in: loaded)?.value == "error")
        #expect(Self.value("log.level", in: loaded)?.source == "environment")
        #expect(Self.value("log.format", in: loaded)?.value == "json")
        #expect(Self.value("log.format", in: loaded)?.source == "\(file):3:3")
        #expect(Self.value("socket.mode", in: loaded)?.value == "0600")
        #expect(Self.value("limits.connections", in: loaded)?.source == "default")
        #expect(loaded.settings.socket.path == "/run/flag.sock")
        #expect(loaded.settings.log.level == .error)
        #expect(loaded.settings.log.format == .json)
        #expect(loaded.settings.socket.mode == 0o600)
    }

    @Test("a wrong value is reported even where a right one counts more")
    func overriddenErrors() throws {
        let file = try self.folder.write("log:\n  level: loud", to: "c")
        let loaded = AgentSettings.load(
            flags: ["--log-level": "debug"],
            environment: ["KEYSIDE_LOG_LEVEL": "quiet"],
            configFile: file
        )
        #expect(loaded.settings.log.level == .debug)
        #expect(
            loaded.diagnostics.map(\.place) == [.file(file, line: 2, column: 3), .variable("KEYSIDE_LOG_LEVEL")]
        )
    }

    @Test("the file is the one of --config, else of KEYSIDE_CONFIG, else the default one")
    func configFiles() throws {
        let byFlag = try self.folder.write("limits: {connections: 1}", to: "flag")
        let byVariable = try self.folder.write("limits: {connections: 2}", to: "variable")
        let byDefault = try self.folder.write("limits: {connections: 3}", to: "default")
        let environment = ["KEYSIDE_CONFIG": byVariable]
        #expect(
            AgentSettings.load(environment: environment, configFile: byFlag, defaultFile: byDefault).settings.limits
                .connections == 1
        )
        #expect(
            AgentSettings.load(environment: environment, defaultFile: byDefault).settings.limits.connections == 2
        )
        #expect(AgentSettings.load(defaultFile: byDefault).settings.limits.connections == 3)
    }

    @Test("a file that was named and cannot be read is an error")
    func unreadableFiles() throws {
        #expect(
            AgentSettings.load(configFile: Self.nowhere).diagnostics.map(\.description) == [
                "--config: error: open \(Self.nowhere): no such file or directory; use a readable file"
            ]
        )
        #expect(
            AgentSettings.load(environment: ["KEYSIDE_CONFIG": ""]).diagnostics.map(\.place)
                == [.variable("KEYSIDE_CONFIG")]
        )
        for loaded in [
            AgentSettings.load(configFile: self.folder.path), AgentSettings.load(defaultFile: self.folder.path),
        ] {
            let reason = "is a directory; expected a regular file"
            #expect(loaded.diagnostics.map(\.message) == ["read \(self.folder.path): \(reason)"])
        }
    }

    // MARK: Forms

    @Test(
        "a value of the right form is taken, and shown in one way",
        arguments: [
            ("socket.path", "/run/k.sock", "/run/k.sock"),
            ("socket.path", "/" + String(repeating: "p", count: 106), "/" + String(repeating: "p", count: 106)),
            ("socket.mode", "0660", "0660"), ("socket.mode", "660", "0660"), ("socket.mode", "0o777", "0777"),
            ("socket.mode", "007", "0007"), ("socket.owner", "minio-user", "minio-user"),
            ("socket.group", "1000", "1000"),
            ("socket.group", "", ""), ("memory.allow_unlocked", "yes", "true"), ("memory.allow_unlocked", "ON", "true"),
            ("memory.allow_unlocked", "1", "true"), ("ready.require_upstream", "Off", "false"),
            ("limits.connections", "1", "1"), ("limits.header_timeout", "500ms", "500ms"),
            ("limits.idle_timeout", "90m", "1h30m"), ("limits.idle_timeout", "1h30m", "1h30m"),
            ("limits.idle_timeout", "1h1m1s1ms", "1h1m1s1ms"), ("limits.idle_timeout", "8760h", "8760h"),
            ("shutdown.drain", "0", "0s"), ("shutdown.drain", "0s", "0s"), ("log.level", "trace", "trace"),
            ("log.format", "json", "json"), ("upstream.timeout", "1ms", "1ms"),
            ("upstream.connect_timeout", "500ms", "500ms"), ("upstream.max_in_flight", "1000000", "1000000"),
            ("upstream.max_queued", "0", "0"), ("upstream.hedge", "on", "true"), ("upstream.http", "1.1", "1.1"),
            ("upstream.http", "2", "2"), ("memory.locked_max", "8MiB", "8MiB"),
            ("memory.locked_max", "8192KiB", "8MiB"), ("memory.locked_max", "4097KiB", "4097KiB"),
            ("memory.locked_max", "16GiB", "16GiB"),
        ]
    )
    func validValues(path: String, text: String, shown: String) throws {
        let loaded = AgentSettings.load(
            environment: [Setting.variable(of: path): text],
            defaultFile: Self.nowhere
        )
        #expect(loaded.diagnostics.isEmpty)
        #expect(Self.value(path, in: loaded)?.value == shown)
    }

    @Test(
        "a value of another form is refused, and the default stays",
        arguments: [
            ("socket.path", "@keyside"), ("socket.path", "\0keyside"), ("socket.path", "/run/\0"),
            ("socket.path", "keyside.sock"), ("socket.path", "/run/"), ("socket.path", ""),
            ("socket.path", "/" + String(repeating: "p", count: 107)), ("socket.mode", "0680"), ("socket.mode", "60"),
            ("socket.mode", "06600"), ("socket.mode", "1660"), ("socket.mode", "rw-rw----"), ("socket.mode", ""),
            ("socket.owner", "a b"), ("socket.owner", "a:b"), ("memory.allow_unlocked", "maybe"),
            ("memory.locked_max", "8388608"), ("memory.locked_max", "8MB"), ("memory.locked_max", "8 MiB"),
            ("memory.locked_max", "-8MiB"), ("memory.locked_max", "3MiB"), ("memory.locked_max", "17GiB"),
            ("memory.locked_max", "99999999999999999GiB"), ("memory.locked_max", "MiB"), ("memory.locked_max", ""),
            ("memory.allow_unlocked", ""), ("limits.connections", "0"), ("limits.connections", "1000001"),
            ("limits.connections", "1.5"), ("limits.connections", "99999999999999999999"),
            ("limits.header_timeout", "0s"), ("limits.header_timeout", "5"), ("limits.header_timeout", "5 s"),
            ("limits.header_timeout", "-5s"), ("limits.header_timeout", "1.5s"), ("limits.header_timeout", "1m1h"),
            ("limits.header_timeout", "1s1s"), ("limits.header_timeout", "s"), ("limits.header_timeout", "5d"),
            ("limits.header_timeout", "8761h"), ("limits.header_timeout", "9223372036854775807h"),
            ("limits.header_timeout", "٣s"), ("log.level", "loud"), ("log.level", "INFO"), ("log.format", "xml"),
            ("cache.max_entries", "many"), ("cache.max_entries", "0"), ("cache.max_entries", "100000001"),
            ("cache.expiry.any", "-1s"), ("cache.expiry.unused", "8761h"), ("cache.expiry.offline", "5"),
            ("upstream.http", "3"), ("upstream.http", "1"),
            ("upstream.timeout", "0"), ("upstream.connect_timeout", "0s"), ("upstream.max_in_flight", "0"),
            ("upstream.max_queued", "-1"), ("upstream.max_queued", "1000001"), ("upstream.hedge", "p99"),
            ("audit.on_full", "explode"),
        ]
    )
    func invalidValues(path: String, text: String) throws {
        let loaded = AgentSettings.load(
            environment: [Setting.variable(of: path): text],
            defaultFile: Self.nowhere
        )
        #expect(loaded.settings == AgentSettings())
        #expect(loaded.diagnostics.map(\.severity) == [.error])
        #expect(loaded.diagnostics.map(\.message) == ["'\(path)' cannot be '\(text)'"])
    }

    @Test("what was expected is said")
    func expectations() {
        let loaded = AgentSettings.load(
            flags: ["--log-level": "loud", "--socket-mode": "9"],
            environment: ["KEYSIDE_LIMITS_IDLE_TIMEOUT": "5 minutes"],
            defaultFile: Self.nowhere
        )
        #expect(
            loaded.diagnostics.map(\.description) == [
                "KEYSIDE_LIMITS_IDLE_TIMEOUT: error: 'limits.idle_timeout' cannot be '5 minutes'; write a duration such as"
                    + " 500ms, 30s, 5m or 1h30m, of at least 1ms",
                "--log-level: error: 'log.level' cannot be 'loud'; write one of trace, debug, info, notice, warning, error",
                "--socket-mode: error: 'socket.mode' cannot be '9'; write three octal digits, with or without 0 or 0o"
                    + " before them: 660, 0660 or 0o660",
            ]
        )
    }

    // MARK: The file

    @Test("a file is read whatever its style, and quotes make no difference")
    func styles() throws {
        let expected = AgentSettings.load(
            environment: ["KEYSIDE_SOCKET_MODE": "0600", "KEYSIDE_LOG_LEVEL": "debug"],
            defaultFile: Self.nowhere
        )
        for yaml in [
            "socket:\n  mode: \"0600\"\nlog:\n  level: debug\n", "{socket: {mode: 0600}, log: {level: 'debug'}}",
            "---\n# comment\nsocket:\n    mode: '0600'  # comment\nlog: {level: debug}\n...\n",
            "\u{FEFF}socket: {mode: 0600}\nlog: {level: debug}",
        ] {
            let (settings, diagnostics) = try self.load(yaml)
            #expect(settings == expected.settings)
            #expect(diagnostics.isEmpty)
        }
    }

    @Test(
        "a file without settings is in order",
        arguments: ["", "# nothing\n", "---\n", "{}", "socket:\n", "socket: {}"]
    )
    func emptyFiles(yaml: String) throws {
        let (settings, diagnostics) = try self.load(yaml)
        #expect(settings == AgentSettings())
        #expect(diagnostics.isEmpty)
    }

    @Test(
        "what is wrong in a file is reported with line and column",
        arguments: [
            (
                "cache:\n  expiry:\n    unsued: 1m\n",
                "3:5: error: unknown setting 'cache.expiry.unsued'; did you mean 'cache.expiry.unused'?"
            ),
            ("sokcet:\n  path: /x\n", "1:1: error: unknown setting 'sokcet'; did you mean 'socket'?"),
            ("colour: blue\n", "1:1: error: unknown setting 'colour'; remove it"),
            ("log:\n  level: [debug]\n", "2:3: error: 'log.level' cannot be a list; write one of trace"),
            ("log:\n  level:\n    a: b\n", "2:3: error: 'log.level' takes a value, not a section; write one of trace"),
            ("log:\n  level:\n", "2:3: error: 'log.level' has no value; write one of trace"),
            ("log:\n  level: ~\n", "2:3: error: 'log.level' has no value; write one of trace"),
            ("log: debug\n", "1:1: error: 'log' takes settings, not a value; write them below it, indented"),
            ("log: [level]\n", "1:1: error: 'log' takes settings, not a value; write them below it, indented"),
            (
                "log:\n  level: debug\n  level: info\n",
                "3:3: error: 'log.level' is already set on line 2; remove one of the two"
            ),
            ("log: &a\n  level: debug\n", "1:6: error: anchors and aliases are not supported; write the value out"),
            ("socket:\n  ? [a]\n  : b\n", "2:5: error: a setting's name must be a word; write 'name: value'"),
            ("- a\n- b\n", "1:1: error: settings are lines of 'name: value'"),
            ("text\n", "1:1: error: settings are lines of 'name: value'"),
            ("log: {}\n---\nlog: {}\n", "2:1: error: a second document begins here; keep one"),
            ("log:\n  level: \"debug\n", "3:1: error: not YAML: "),
            ("log: {}\n\tx: y\n", "2:1: error: not YAML: "),
            ("log: \u{1}\n", "error: not YAML: control characters are not allowed, at byte 5"),
        ]
    )
    func badFiles(yaml: String, diagnostic: String) throws {
        let (_, diagnostics) = try self.load(yaml)
        #expect(diagnostics.count == 1)
        let first = try #require(diagnostics.first)
        #expect(first.drop { $0 == " " }.hasPrefix(diagnostic), "\(first)")
    }

    @Test("aliases are refused too, and what is around them is read")
    func aliases() throws {
        let (settings, diagnostics) = try self.load(
            "log: {level: &a debug}\nsocket: {owner: *a}\nlimits: {connections: 7}"
        )
        #expect(settings.limits.connections == 7)
        #expect(diagnostics.count == 2)
    }

    @Test("all problems of a file are reported at once, and the rest is read")
    func allProblems() throws {
        let (settings, diagnostics) = try self.load(
            "socket:\n  mode: 9\nlimits:\n  connections: 5\n  conections: 5\nlog: {level: loud}\nbroken: ["
        )
        #expect(settings.limits.connections == 5)
        #expect(diagnostics.count == 5)
    }

    @Test("deep nesting is no danger")
    func deepNesting() throws {
        let depth = 2000
        #expect(!(try self.load(String(repeating: "{a: ", count: depth)).diagnostics.isEmpty))
        #expect(!(try self.load("a: " + String(repeating: "[", count: depth)).diagnostics.isEmpty))
        let (_, diagnostics) = try self.load(
            String(repeating: "{a: ", count: 500) + "b" + String(repeating: "}", count: 500)
        )
        #expect(
            diagnostics == [
                "1:129: error: not YAML: nested more than 32 levels deep; correct it",
                "1:2: error: unknown setting 'a'; remove it",
            ])
    }

    @Test("what is said of the way to the key servers is taken")
    func upstream() throws {
        let (settings, diagnostics) = try self.load(
            "upstream: {timeout: 4s, connect_timeout: 1s, max_in_flight: 8, max_queued: 9, hedge: on, http: 1.1}"
        )
        #expect(diagnostics.isEmpty)
        var expected = AgentSettings.Upstream()
        expected.timeout = .seconds(4)
        expected.connectTimeout = .seconds(1)
        expected.maxInFlight = 8
        expected.maxQueued = 9
        expected.hedge = true
        expected.http = .http1
        #expect(settings.upstream == expected)
    }

    @Test("what is said of the cache is taken")
    func cache() throws {
        let (settings, diagnostics) = try self.load(
            "cache:\n  max_entries: 1000\n  expiry: {any: 2m, unused: 0, offline: 1h30m}\n"
        )
        #expect(diagnostics.isEmpty)
        var expected = AgentSettings.Cache()
        expected.maxEntries = 1000
        expected.expiry.any = .seconds(120)
        expected.expiry.unused = .zero
        expected.expiry.offline = .seconds(5400)
        #expect(settings.cache == expected)
        #expect(settings.cache.isOn)
    }

    @Test("a cache that is off cannot answer for longer")
    func cacheIsOff() throws {
        let (settings, diagnostics) = try self.load("cache: {expiry: {any: 0, unused: 5s}}")
        #expect(diagnostics.isEmpty && !settings.cache.isOn)
        #expect(
            try self.load("cache:\n  expiry:\n    any: 0s\n    offline: 1h\n").diagnostics == [
                "4:5: error: 'cache.expiry.offline' has no effect: 'cache.expiry.any' is 0, so there is no cache; set"
                    + " 'cache.expiry.any', or remove 'cache.expiry.offline'"
            ])
    }

    // MARK: Other versions

    @Test("settings of parts that this version lacks have no effect, which is said of each once")
    func withoutEffect() throws {
        let (settings, diagnostics) = try self.load(
            """
            cache: {keep_across_restart: true}
            limits: {connections_per_principal: 512, requests_per_second_per_principal: 0}
            audit: {sink: none, file: "", on_full: drop}
            """
        )
        #expect(settings == AgentSettings())
        #expect(diagnostics.count == 5)
        #expect(diagnostics.allSatisfy { $0.contains(": warning: ") && $0.contains("no effect in this version") })
    }

    @Test(
        "parts that protect something and are not there are refused, each with one error",
        arguments: [
            ("admin:\n  users: [minio]\n", "2:3: error: this version does not have 'admin.users'; remove it"),
            ("admin:\n  users: []\n", "2:3: error: this version does not have 'admin.users'; remove it"),
            ("audit:\n  sink: file\n", "2:3: error: this version does not have 'audit.sink'; remove it"),
        ]
    )
    func refusedSections(yaml: String, diagnostic: String) throws {
        #expect(try self.load(yaml).diagnostics == [diagnostic])
    }

    @Test(
        "variables that no setting has are errors",
        arguments: [
            ("KEYSIDE_LOG_LEVLE", "no setting has this variable", "did you mean 'KEYSIDE_LOG_LEVEL'?"),
            ("KEYSIDE_CONFIGURATION", "no setting has this variable", "unset it"),
            (
                "KEYSIDE_POLICY_MINIO_ALLOW", "policies have no variables",
                "write them to the settings file, and unset it"
            ),
            ("KEYSIDE_ADMIN_USERS", "this version does not have 'admin.users'", "remove it"),
            ("KEYSIDE_AUDIT_SINK", "this version does not have 'audit.sink'", "remove it"),
        ]
    )
    func unknownVariables(name: String, message: String, remedy: String) {
        let loaded = AgentSettings.load(environment: [name: "x"], defaultFile: Self.nowhere)
        #expect(loaded.diagnostics.map(\.severity) == [.error])
        #expect(loaded.diagnostics.map(\.place) == [.variable(name)])
        #expect(loaded.diagnostics.map(\.message) == [message])
        #expect(loaded.diagnostics.map(\.remedy) == [remedy])
    }

    @Test("the agent listens where its clients look for it, unless it is told otherwise")
    func clientsVariable() {
        var environment = ["KEYSIDE_SOCKET": "/run/for-all.sock"]
        #expect(Self.path(with: environment) == "/run/for-all.sock")
        environment["KEYSIDE_SOCKET_PATH"] = "/run/own.sock"
        #expect(Self.path(with: environment) == "/run/own.sock")
    }

    private static func path(with environment: [String: String]) -> String {
        AgentSettings.load(environment: environment, defaultFile: Self.nowhere).settings.socket.path
    }

    @Test("the variables of others are passed over")
    func otherVariables() {
        let loaded = AgentSettings.load(
            environment: ["MINIO_KMS_SECRET_KEY": "x"],
            defaultFile: Self.nowhere
        )
        #expect(loaded.diagnostics.isEmpty)
        #expect(loaded.settings == AgentSettings())
    }

    @Test("no setting's variable is another's, or one that has a meaning of its own")
    func variablesAreDistinct() {
        #expect(Setting.byVariable.count == Setting.all.count)
        #expect(Setting.byVariable["KEYSIDE_SOCKET"] == nil)
        #expect(Setting.byVariable["KEYSIDE_CONFIG"] == nil)
        #expect(Setting.byVariable["KEYSIDE_CACHE_EXPIRY_ANY"]?.path == "cache.expiry.any")
    }
}
