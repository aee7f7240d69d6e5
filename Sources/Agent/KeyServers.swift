// SPDX-License-Identifier: Apache-2.0

import ClientCredentials
import Cluster
import Cryptography
import CurlTransport
import KESBackend
import KESProtocol
import KeyCache
import KeyService
import Linux
import LockedMemory
import Logging
import Settings
import Synchronization
import Telemetry

/// A cluster of KES servers as a backend, with all that has to go on beside the requests: endpoints are probed,
/// credentials are watched, data keys expire, and what happens is logged.
final class KeyServers: Sendable {
    let service: KESService
    /// Before the service, unless it is turned off.
    let cache: CachedKeyService?

    private let engine: TransferEngine
    private let keeper: CredentialReloader
    private let logger: Logger
    /// Yields when an endpoint has come or gone, or what is told of the cache has changed.
    let changes: AsyncStream<Void>

    /// Reads credentials, and opens no connection yet.
    ///
    /// - Throws: ``AgentFailure`` when the credentials are of no use, or the libraries cannot be had.
    init(
        _ kes: KESSettings, settings: AgentSettings, memory: SecretMemory, logger: Logger
    ) throws(AgentFailure) {
        let source = CredentialSource(kes, memory: memory.ownSecrets)
        let credentials = try source.loadNow()
        for warning in credentials.warnings { logger.warning("\(warning)") }
        let engine = try TransferEngine(settings.upstream, memory: memory)
        let (changes, feed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let service = KESService(
            endpoints: kes.endpoints.map(\.description),
            keyName: kes.keyName,
            options: ClusterOptions(settings.upstream, memory: memory),
            transport: engine.makePool(tls: credentials.tls),
            memory: memory
        ) { notice in
            logger.log(notice)
            feed.yield()
        }
        let cache = try CachedKeyService(service, settings: settings.cache, memory: memory) { notice in
            logger.log(notice)
            feed.yield()
        }
        let identity = Mutex(credentials.identity.identity)
        self.keeper = CredentialReloader(source, credentials: credentials) { event in
            logger.log(event)
            guard case .replaced(_, let credentials) = event else { return }
            service.cluster.use(engine.makePool(tls: credentials.tls))
            let isSomebodyElse = identity.withLock { identity in
                defer { identity = credentials.identity.identity }
                return identity != credentials.identity.identity
            }
            if isSomebodyElse { cache?.changeIdentity() }
        }
        self.cache = cache
        self.service = service
        self.engine = engine
        self.logger = logger
        self.changes = changes
        logger.notice("credentials", metadata: ["identity": "\(credentials.identity.identity)"])
    }

    /// What is known of every endpoint, without asking.
    var knownStatus: BackendStatus { self.service.cluster.knownStatus }

    /// How the credentials stand, for metrics.
    var credentials: CredentialStatus { self.keeper.status }

    /// Tends the cluster until it is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.service.cluster.run() }
            group.addTask { await self.keeper.run() }
            if let cache = self.cache { group.addTask { await cache.run() } }
        }
    }

    /// Looks at the credentials' files at once.
    func reload() async {
        self.logger.notice("reloading credentials")
        await self.keeper.reloadNow()
    }

    /// Ends every transfer and closes every connection.
    func stop() async { await self.engine.stop() }
}

extension KeyServers: MetricsSource {
    func writeMetrics(to text: inout MetricsText) {
        self.service.writeMetrics(to: &text)
        self.cache?.writeMetrics(to: &text)
    }
}

// MARK: From settings

extension CredentialSource {
    init(_ kes: KESSettings, memory: SecretMemory) {
        self.init(
            authentication: {
                switch kes.authentication {
                case .apiKey(let key): .apiKey(key)
                case .certificate(let certFile, let keyFile, let password):
                    .certificate(certFile: certFile, keyFile: keyFile, password: password)
                }
            }(),
            caPath: kes.caPath,
            memory: memory)
    }

    func loadNow() throws(AgentFailure) -> Credentials {
        do throws(CredentialFault) {
            return try self.load(now: WallClock.currentSecond())
        } catch {
            throw AgentFailure(.configuration, "\(error)")
        }
    }
}

extension CachedKeyService {
    /// Nil if the cache is turned off.
    fileprivate convenience init?(
        _ backend: any KeyService, settings: AgentSettings.Cache, memory: SecretMemory,
        report: @escaping @Sendable (CacheNotice) -> Void
    ) throws(AgentFailure) {
        guard settings.isOn else { return nil }
        let policy = ExpiryPolicy(
            any: TimeSpan(settings.expiry.any), unused: TimeSpan(settings.expiry.unused),
            offline: TimeSpan(settings.expiry.offline))
        do throws(LockedMemoryError) {
            try self.init(
                backend, options: Options(capacity: settings.maxEntries, policy: policy), memory: memory,
                clock: { BootTime(nanoseconds: BootClock.now()) }, report: report)
        } catch {
            throw AgentFailure(error)
        }
    }
}

extension RequestBudget {
    /// What the shares of locked memory for requests, and for connections to key servers, allow.
    init(_ settings: AgentSettings.Upstream, _ plan: MemoryPlan) {
        self.init(
            byteCount: plan[.requests], inFlightMax: min(settings.maxInFlight, plan.upstreamRequests))
    }
}

extension ClusterOptions {
    init(_ settings: AgentSettings.Upstream, memory: SecretMemory) {
        self.init()
        self.timeout = settings.timeout
        self.connectTimeout = settings.connectTimeout
        self.inFlightMax = RequestBudget(settings, memory.plan).inFlightMax
        self.queuedMax = settings.maxQueued
        self.isHedging = settings.hedge
    }
}

extension TransferEngine {
    convenience init(_ settings: AgentSettings.Upstream, memory: SecretMemory) throws(AgentFailure) {
        var options = Options(connectTimeout: settings.connectTimeout)
        // The cluster limits requests, so that none waits here.
        options.requestCountMax =
            min(ClusterOptions.defaultInFlightPerEndpointMax, memory.plan.upstreamRequests)
            + ClusterOptions.probesPerEndpointMax
        // One more, for probes of key servers that are down.
        options.connectionCountMax = min(options.connectionCountMax, memory.plan.upstreamRequests + 1)
        switch settings.http {
        case .auto: options.httpVersion = .auto
        case .http1: options.httpVersion = .http11
        case .http2: options.httpVersion = .http2
        }
        do throws(CurlSetupError) {
            try self.init(options: options, memory: memory)
        } catch {
            throw AgentFailure(.inputOutput, "cannot initialize libcurl: \(error)")
        }
    }
}

// MARK: To the log

extension Logger {
    fileprivate func log(_ notice: ClusterNotice) {
        switch notice {
        case .endpointDown(let address, let fault, let isRepeated):
            self.log(
                level: isRepeated ? .info : .warning, "key server marked down",
                metadata: ["endpoint": "\(address)", "reason": "\(fault)"])
        case .endpointUp(let address, let duration, let isRepeated):
            self.log(
                level: isRepeated ? .info : .notice, "key server marked up",
                metadata: ["endpoint": "\(address)", "after": "\(duration)"])
        case .unusableAnswer(let address, let operation, let reason):
            self.error(
                "unexpected response; not a KES server?",
                metadata: ["endpoint": "\(address)", "operation": "\(operation)", "reason": "\(reason)"])
        case .wrongPlaintext(let address, let count):
            self.error(
                "key server returned a wrong plaintext (two other answers agree); check this server",
                metadata: ["endpoint": "\(address)", "count": "\(count)"])
        }
    }

    fileprivate func log(_ notice: CacheNotice) {
        switch notice {
        case .answersStale:
            self.warning("no key server can be reached; serving expired data keys from the cache")
        case .answersFresh(let count):
            self.notice("key servers reachable again", metadata: ["answers_past_age": "\(count)"])
        case .contradiction(let name, isDecided: true):
            self.error(
                "different plaintexts for one ciphertext; using the one that two of three answers agree on",
                metadata: ["key": "\(name)"])
        case .contradiction(let name, isDecided: false):
            self.error(
                "different plaintexts for one ciphertext and no majority of three; request failed with 502",
                metadata: ["key": "\(name)"])
        }
    }

    fileprivate func log(_ event: CredentialReloader.Event) {
        switch event {
        case .replaced(let roles, let credentials):
            self.notice(
                "credentials reloaded",
                metadata: [
                    "what": "\(roles.map(\.rawValue).sorted().joined(separator: ","))",
                    "identity": "\(credentials.identity.identity)",
                    "valid_until": "\(credentials.identity.validity.end)",
                ])
        case .refused(let fault):
            self.error("credential reload failed; keeping the current credentials", metadata: ["reason": "\(fault)"])
        case .recovered(let role):
            self.notice("credential files match the credentials in use again", metadata: ["what": "\(role.rawValue)"])
        case .endsSoon(let validity):
            self.warning("client certificate expires soon", metadata: ["valid_until": "\(validity.end)"])
        case .ended(let validity):
            self.error("client certificate has expired", metadata: ["valid_until": "\(validity.end)"])
        case .notWatching(let error):
            self.warning(
                "cannot watch the credential files for changes; checking every minute",
                metadata: ["reason": "\(error)"])
        }
    }
}

extension Validity {
    /// When it ends, RFC 3339.
    var end: String { WallClock(seconds: self.notAfter, nanoseconds: 0).rfc3339 }
}
