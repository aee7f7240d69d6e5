// SPDX-License-Identifier: Apache-2.0

import AdminAPI
import Authorization
import HTTPServer
import KESFront
import KESProtocol
import KeyCache
import KeyService
import Linux
import LockedMemory
import Logging
import Settings
import Systemd
import Telemetry
import UnixSignals

/// A running agent: one key service, served on a Unix socket and optionally on a TLS listener.
package struct Agent: Sendable {
    private let settings: AgentSettings
    private let settingsKeeper: SettingsReloader
    private let service: any KeyService
    /// Nil if the key is static.
    private let keyServers: KeyServers?
    /// Nil if there is no TLS listener.
    private let entrance: TLSListenerSetup?
    private let memory: SecretMemory
    private let memoryFindings: MemoryFindings?
    private let logger: Logger
    /// The destination of `logger`.
    private let log: LogWriter
    private let manager = ServiceManager()

    /// How long the process may take to exit after every connection is closed.
    private static let endingTime = Interval.seconds(5)

    init(
        settings settingsKeeper: SettingsReloader, started settings: AgentSettings, backend: Backend,
        entrance: TLSListenerSetup?, memory: SecretMemory, memoryFindings: MemoryFindings?, logger: Logger,
        log: LogWriter
    ) {
        self.settings = settings
        self.settingsKeeper = settingsKeeper
        switch backend {
        case .embedded(let service):
            self.service = service
            self.keyServers = nil
        case .remote(let keyServers):
            self.service = keyServers.cache ?? keyServers.service
            self.keyServers = keyServers
        }
        self.entrance = entrance
        self.memory = memory
        self.memoryFindings = memoryFindings
        self.logger = logger
        self.log = log
    }

    /// Serves until SIGTERM or SIGINT: one signal waits for requests in flight, a second one stops at once.
    ///
    /// - Throws: ``AgentFailure`` if the agent cannot start.
    package func run() async throws(AgentFailure) {
        BrokenPipes.ignore()
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup, .sigusr1, .sigusr2)
        let socket = SocketFileMonitor(try self.makeSocket(), logger: self.logger)
        defer { socket.removeFile() }
        let connections = ConnectionCount(limit: self.settings.limits.connections)
        let other = try self.entrance?.open(self.settings.limits)
        let server = try self.serve(on: socket, connections: connections, besides: other)
        self.announceStart(other?.facts)

        let (events, feed) = AsyncStream.makeStream(of: AgentLife.Event.self)
        await withDiscardingTaskGroup { tasks in
            tasks.addTask { await self.watch(signals, feed: feed) }
            tasks.addTask { await socket.run { server.replaceSocket(ofListener: 0, with: $0) } }
            tasks.addTask { await self.waitForBackend(feed: feed) }
            if let entrance = self.entrance { tasks.addTask { await entrance.keeper.run() } }
            if let keyServers = self.keyServers {
                tasks.addTask { await keyServers.run() }
                tasks.addTask { for await _ in keyServers.changes { feed.yield(.backendChanged) } }
            }
            var life = AgentLife()
            events: for await event in events {
                switch life.receive(event) {
                case .announceReady:
                    self.announceReady(alsoAt: other?.facts.address)
                case .reportStatus:
                    self.manager.report(
                        status: self.statusLine(isServing: life.phase == .serving, alsoAt: other?.facts.address))
                case .reload:
                    if life.phase == .serving { self.manager.reloading(at: Instant.now().nanoseconds / 1000) }
                    tasks.addTask {
                        await self.reload(server)
                        feed.yield(.reloaded)
                    }
                case .purge:
                    tasks.addTask { await self.purgeCache() }
                case .announceReloaded:
                    self.manager.ready(status: self.statusLine(isServing: true, alsoAt: other?.facts.address))
                case .drain:
                    tasks.addTask {
                        await socket.close()
                        await self.drain(server, feed: feed)
                    }
                case .endAtOnce:
                    self.logger.notice("second signal: closing connections immediately")
                    ForcedExit.schedule(after: Self.endingTime)
                    server.cutOff()
                    break events
                case .end:
                    ForcedExit.schedule(after: Self.endingTime)
                    break events
                case .nothing:
                    break
                }
            }
            tasks.cancelAll()
        }
        await self.keyServers?.stop()
        server.stop()
        self.keyServers?.cache?.forget(nil)
        self.logger.notice("stopped")
        self.manager.finish()
    }

    // MARK: Start

    private func makeSocket() throws(AgentFailure) -> SocketFile {
        let settings = self.settings.socket
        do throws(SocketFileError) {
            return try SocketFile(
                at: SocketSettings(
                    path: settings.path, mode: settings.mode, owner: settings.owner, group: settings.group))
        } catch {
            throw AgentFailure(error)
        }
    }

    private func serve(
        on socket: SocketFileMonitor, connections: ConnectionCount, besides other: TLSListenerSetup.Opened?
    ) throws(AgentFailure) -> Server {
        let facts = AgentFacts.Listener(.unix, at: socket.path, connections: connections)
        let (fronts, requests) = self.makeFronts(of: [facts] + [other?.facts].compactMap(\.self))
        let unix = Listener.unix(
            Descriptor(owning: socket.descriptor), connections: connections, fronts: fronts)
        let limits = ServerLimits(
            connections: self.settings.limits.connections,
            headerTimeout: Interval(self.settings.limits.headerTimeout),
            idleTimeout: Interval(self.settings.limits.idleTimeout))
        do throws(SystemError) {
            return try Server(
                listeners: [unix] + [other?.listener(fronts)].compactMap(\.self), observer: requests, limits: limits,
                memory: self.memory, threadCount: MemoryBudget.loopCount, logger: self.logger)
        } catch {
            throw AgentFailure(.inputOutput, "cannot serve on \(socket.path): \(error)")
        }
    }

    /// Every listener has the same fronts.
    private func makeFronts(of listeners: [AgentFacts.Listener]) -> (FrontRouter, RequestMetrics) {
        let facts = AgentFacts(version: BuildInfo.version, commit: BuildInfo.commit, listeners: listeners)
        let requests = RequestMetrics()
        let cache = self.keyServers?.cache
        let authorizer = self.settingsKeeper.authorizer
        let report = AgentReport(
            facts: facts, service: self.service, cache: cache, memory: self.memory, requests: requests)
        let kes = KESFront(
            service: self.service, memory: self.memory,
            requests: RequestBudget(self.settings.upstream, self.memory.plan), version: facts.version,
            commit: facts.commit, authorizer: authorizer, requestMetrics: requests
        ) { report.fragment($0) }
        let certificates = CertificateMetrics(keyServers: self.keyServers, listener: self.entrance?.keeper)
        let sources: [(any MetricsSource)?] = [
            kes.metrics, requests, AgentMetrics(facts: facts, memory: self.memory, denials: authorizer.denials),
            self.keyServers, certificates, self.log, ProcessMetrics(startedAt: facts.startedAt),
        ]
        let admin = AdminFront(cache: cache, authorizer: authorizer, metrics: sources.compactMap(\.self))
        return (FrontRouter(kes, [admin]), requests)
    }

    private func announceStart(_ other: AgentFacts.Listener?) {
        self.logger.notice("starting", metadata: ["version": "\(BuildInfo.version)", "commit": "\(BuildInfo.commit)"])
        self.logger.notice(
            "backend", metadata: ["kind": "\(self.service.kind)", "key": "\(self.service.defaultKeyName)"])
        self.logger.notice("listening", metadata: ["socket": "\(self.settings.socket.path)"])
        if let other, let entrance = self.entrance {
            self.logger.notice(
                "listening",
                metadata: [
                    "tls": "\(other.address)", "certificate_ends": "\(entrance.keeper.status.validity.end)",
                ])
        }
        if let cache = self.keyServers?.cache {
            let settings = self.settings.cache
            self.logger.notice(
                "cache",
                metadata: [
                    "entries": "\(cache.statistics.capacity)", "any": "\(settings.expiry.any.settingText)",
                    "unused": "\(settings.expiry.unused.settingText)",
                    "offline": "\(settings.expiry.offline.settingText)",
                ])
        }
        self.announceMemory()
    }

    private func announceMemory() {
        let findings = self.memoryFindings
        var memory: Logger.Metadata = [
            "kind": "\(self.memory.kind.rawValue)", "bytes": "\(self.memory.lockedByteCount)",
        ]
        if let requests = findings?.upstreamRequests { memory["upstream_requests"] = "\(requests.effective)" }
        if let tls = findings?.tlsConnections { memory["locked_tls_connections"] = "\(tls.effective)" }
        switch self.memory.kind {
        case .memfdSecret, .mlock: self.logger.notice("locked memory", metadata: memory)
        case .unlocked: self.logger.warning("memory is not locked: keys may reach swap", metadata: memory)
        }
        guard let findings, let requests = findings.upstreamRequests, requests.byMemory < requests.set else { return }
        self.logger.notice(
            "locked memory limits requests in flight below upstream.max_in_flight",
            metadata: [
                "requests": "\(requests.byMemory)", "max_in_flight": "\(requests.set)",
                "increase": "\(findings.remedy)",
            ])
    }

    /// Reports readiness after the backend has answered, or at once if `ready.require_upstream` is off.
    private func waitForBackend(feed: AsyncStream<AgentLife.Event>.Continuation) async {
        var hasComplained = false
        while self.settings.ready.requireUpstream {
            if case .reachable = await self.service.status().reachability { break }
            if !hasComplained {
                self.logger.warning("waiting for the backend", metadata: ["backend": "\(self.service.kind)"])
                self.manager.report(status: self.statusLine(isServing: false))
                hasComplained = true
            }
            do {
                try await Task.sleep(for: .seconds(1))
            } catch {
                return  // The agent stops.
            }
        }
        feed.yield(.ready)
    }

    private func announceReady(alsoAt tlsAddress: String?) {
        self.logger.notice("ready", metadata: ["socket": "\(self.settings.socket.path)"])
        self.manager.ready(status: self.statusLine(isServing: true, alsoAt: tlsAddress))
        StartupCode.release()
    }

    private func statusLine(isServing: Bool, alsoAt tlsAddress: String? = nil) -> String {
        let known = self.keyServers?.knownStatus ?? BackendStatus(reachability: .unreachable, endpoints: [])
        return StatusLine(
            kind: self.service.kind, keyName: self.service.defaultKeyName, socketPath: self.settings.socket.path,
            tlsAddress: tlsAddress, isServing: isServing, backend: known,
            isAnsweringStale: self.keyServers?.cache?.isAnsweringStale ?? false,
            hasRefusedSettings: self.settingsKeeper.hasRefused, now: .now()
        )
        .description
    }

    // MARK: End

    private func watch(_ signals: UnixSignalsSequence, feed: AsyncStream<AgentLife.Event>.Continuation) async {
        for await signal in signals {
            switch signal {
            case .sigterm, .sigint:
                feed.yield(.stop(at: .now))
            case .sighup:
                feed.yield(.reloadAsked)
            case .sigusr1:
                feed.yield(.purgeAsked)
            case _:
                self.logger.notice("signal has no effect in this version", metadata: ["signal": "\(signal)"])
            }
        }
    }

    /// Each part has a thread of its own for its files, so that one whose files hang does not keep the others.
    private func reload(_ server: Server) async {
        async let settings: Void = self.reloadSettings(server)
        async let listener: Void? = self.entrance?.reload(self.logger)
        async let keyServers: Void? = self.keyServers?.reload()
        _ = await (settings, listener, keyServers)
    }

    private func reloadSettings(_ server: Server) async {
        await self.settingsKeeper.reload()
        await server.policiesHaveChanged()
    }

    private func purgeCache() async {
        guard let cache = self.keyServers?.cache else {
            self.logger.notice("no cache to purge")
            return
        }
        let entries = await cache.purge(nil)
        self.logger.notice("cache purged", metadata: ["entries": "\(entries)"])
    }

    private func announceStopping() {
        self.logger.notice("stopping")
        self.manager.stopping(status: "Stopping: waiting for requests in flight")
    }

    private func drain(
        _ server: Server, feed: AsyncStream<AgentLife.Event>.Continuation
    ) async {
        let cutOff = await server.drain(within: Interval(self.settings.shutdown.drain)) { self.announceStopping() }
        if cutOff > 0 {
            self.logger.warning(
                "closed connections that were still open after shutdown.drain", metadata: ["cut_off": "\(cutOff)"])
        }
        feed.yield(.drained)
    }
}

extension Agent {
    /// The source of keys.
    enum Backend: Sendable {
        /// A key within this process.
        case embedded(any KeyService)
        case remote(KeyServers)
    }
}
