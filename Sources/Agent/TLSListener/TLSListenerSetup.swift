// SPDX-License-Identifier: Apache-2.0

import AdminAPI
import Cryptography
import HTTPServer
import Linux
import Logging
import Primitives
import Settings
import TLS

/// The TLS listener of an agent: its address, its certificate, and the reload of its files.
struct TLSListenerSetup: Sendable {
    let keeper: ListenerReloader
    private let address: ListenAddress
    private let tls: ServerTLS

    /// - Throws: ``AgentFailure`` if OpenSSL rejects the certificate.
    init(_ files: ListenerFiles, plan: ListenerPlan, logger: Logger) throws(AgentFailure) {
        let showing: ServerCertificate
        do throws(CredentialError) {
            showing = try ServerCertificate(plan)
        } catch {
            throw AgentFailure(.configuration, files.refusal(error).advice)
        }
        let tls = ServerTLS(showing.context)
        self.address = plan.address
        self.tls = tls
        self.keeper = ListenerReloader(files, showing: showing) { event in
            if case .replaced(let showing) = event { tls.replace(with: showing.context) }
            logger.log(event)
        }
    }

    /// Reads the files at once.
    func reload(_ logger: Logger) async {
        logger.notice("reloading the listener certificate")
        await self.keeper.reloadNow()
    }

    /// A socket that listens, and what its fronts need to know of it.
    struct Opened: Sendable {
        let facts: AgentFacts.Listener
        /// Gives the socket fronts; nil the second time.
        let listener: @Sendable (FrontRouter) -> Listener?
    }

    /// Listens from now on.
    func open(_ limits: AgentSettings.Limits) throws(AgentFailure) -> Opened {
        do throws(TCPListenerError) {
            let listener = try TCPListener(at: self.address)
            let address = listener.address.description
            let connections = ConnectionCount(
                limit: limits.connections, unauthenticatedLimit: limits.unauthenticatedConnections)
            let (keeper, tls) = (self.keeper, self.tls)
            let socket = SingleUseBox(listener.relinquish())
            return Opened(
                facts: .init(.tls, at: address, connections: connections) {
                    WallClock(seconds: keeper.status.validity.notAfter, nanoseconds: 0)
                },
                listener: { fronts in
                    guard let socket = socket.take() else { return nil }
                    return .tls(socket, showing: tls, connections: connections, fronts: fronts)
                })
        } catch {
            throw AgentFailure(error)
        }
    }
}

extension Logger {
    fileprivate func log(_ event: ListenerReloader.Event) {
        switch event {
        case .replaced(let showing):
            self.notice(
                "listener certificate reloaded", metadata: ["valid_until": "\(showing.validity.end)"])
        case .refused(let fault):
            self.error(
                "listener certificate reload failed; keeping the current certificate", metadata: ["reason": "\(fault)"])
        case .recovered:
            self.notice("listener files match the certificate in use again")
        case .endsSoon(let validity):
            self.warning("listener certificate expires soon", metadata: ["valid_until": "\(validity.end)"])
        case .ended(let validity):
            self.error("listener certificate has expired", metadata: ["valid_until": "\(validity.end)"])
        case .notWatching(let error):
            self.warning(
                "cannot watch the listener files for changes; checking every minute",
                metadata: ["reason": "\(error)"])
        }
    }
}
