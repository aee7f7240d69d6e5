// SPDX-License-Identifier: Apache-2.0

import Authorization
import KESProtocol
import KeyCache
import KeyService
import Linux
import LockedMemory
import Logging
import Server
import Settings
import Systemd
import UnixSignals

/// A running agent: one key service, served on a Unix socket and perhaps by TLS, from the first line in the log to the last.
package struct Agent: Sendable {
    private let settings: AgentSettings
    private let settingsKeeper: SettingsReloader
    private let service: any KeyService
    /// Nil where the key is embedded.
    private let keyServers: KeyServers?
    /// Nil where there is no listener with TLS.
    private let entrance: TLSListenerSetup?
    private let memory: SecretMemory
    private let memoryFindings: MemoryFindings?
    private let logger: Logger
    /// Where the lines of `logger` go.
    private let log: LogWriter
    private let manager = ServiceManager()

    /// How long the process may take to end once every connection is closed.
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

    /// Serves until somebody asks it to stop: SIGTERM or SIGINT once to finish what is under way, twice to stop at once.
    ///
    /// - Throws: ``AgentFailure`` when it cannot start.
    package func run() async throws(AgentFailure) {
        BrokenPipes.ignore()
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup, .sigusr1, .sigusr2)
        let socket = SocketFileMonitor(try self.makeSocket(), logger: self.logger)
        defer { socket.removeFile() }
        let connections = ConnectionCount(limit: self.settings.limits.connections)
        let other = try self.entrance?.open(self.settings.limits)
        let server = try self.serve(on: socket, connections: connections, besides: other)
        self.announceStart(other?.1)

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
                    self.announceReady(alsoAt: other?.1.address)
                case .reportStatus:
                    self.manager.report(
                        status: self.statusLine(isServing: life.phase == .serving, alsoAt: other?.1.address))
                case .reload:
                    if life.phase == .serving { self.manager.reloading(at: Instant.now().nanoseconds / 1000) }
                    tasks.addTask {
                        await self.reload(server)
                        feed.yield(.reloaded)
                    }
                case .announceReloaded:
                    self.manager.ready(status: self.statusLine(isServing: true, alsoAt: other?.1.address))
                case .drain:
                    tasks.addTask {
                        await socket.close()
                        await self.drain(server, feed: feed)
                    }
                case .endAtOnce:
                    self.logger.notice("told twice to stop: connections are cut off")
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
        on socket: SocketFileMonitor, connections: ConnectionCount, besides other: (Listener, AgentFacts.Listener)?
    ) throws(AgentFailure) -> HTTPServer {
        let certificates = CertificateMetrics(keyServers: self.keyServers, listener: self.entrance?.keeper)
        let unix = Listener.unix(Descriptor(owning: socket.descriptor), connections: connections)
        let facts = AgentFacts.Listener(.unix, at: socket.path, connections: connections)
        let front = KESFront(
            service: self.service,
            cache: self.keyServers?.cache,
            memory: self.memory,
            requests: RequestBudget(self.settings.upstream, self.memory.plan),
            facts: AgentFacts(
                version: BuildInfo.version, commit: BuildInfo.commit,
                listeners: [facts] + [other?.1].compactMap(\.self)),
            gate: self.settingsKeeper.gate,
            sources: [self.keyServers].compactMap(\.self) + [certificates, self.log])
        let limits = ServerLimits(
            connections: self.settings.limits.connections,
            headerTimeout: Interval(self.settings.limits.headerTimeout),
            idleTimeout: Interval(self.settings.limits.idleTimeout))
        do throws(SystemError) {
            return try HTTPServer(
                listeners: [unix] + [other?.0].compactMap(\.self), front: front, limits: limits, memory: self.memory,
                threadCount: MemoryBudget.loopCount,
                logger: self.logger)
        } catch {
            throw AgentFailure(.inputOutput, "cannot serve on \(socket.path): \(error)")
        }
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

    /// Reports ready once the backend has answered, or at once where the operator does not insist on it.
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
                return  // The agent ends.
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
                self.purgeCache()
            case _:
                self.logger.notice("signal has no effect in this version", metadata: ["signal": "\(signal)"])
            }
        }
    }

    /// Each part has a thread of its own for its files, so that one whose files hang does not keep the others.
    private func reload(_ server: HTTPServer) async {
        async let settings: Void = self.reloadSettings(server)
        async let listener: Void? = self.entrance?.reload(self.logger)
        async let keyServers: Void? = self.keyServers?.reload()
        _ = await (settings, listener, keyServers)
    }

    private func reloadSettings(_ server: HTTPServer) async {
        await self.settingsKeeper.reload()
        await server.policiesHaveChanged()
    }

    private func purgeCache() {
        guard let cache = self.keyServers?.cache else {
            self.logger.notice("there is no cache to purge")
            return
        }
        self.logger.notice("cache is purged", metadata: ["entries": "\(cache.forget(nil))"])
    }

    private func announceStopping() {
        self.logger.notice("stopping")
        self.manager.stopping(status: "Stopping: finishing requests under way")
    }

    private func drain(
        _ server: HTTPServer, feed: AsyncStream<AgentLife.Event>.Continuation
    ) async {
        let cutOff = await server.drain(within: Interval(self.settings.shutdown.drain)) { self.announceStopping() }
        if cutOff > 0 {
            self.logger.warning("connections did not end in time", metadata: ["cut_off": "\(cutOff)"])
        }
        feed.yield(.drained)
    }
}

extension Agent {
    /// Where keys come from.
    enum Backend: Sendable {
        /// Within this process.
        case embedded(any KeyService)
        case remote(KeyServers)
    }
}
