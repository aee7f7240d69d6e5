// SPDX-License-Identifier: Apache-2.0

import CertificateRotation
import Linux
import Logging
import Synchronization

/// Keeps the socket file of a running agent in place: creates it again if it is removed or replaced.
///
/// While another process listens on the path, the file is left alone. Use only for a socket that the agent created: a
/// socket from the service manager belongs to the manager.
final class SocketFileMonitor: Sendable {
    private struct State: ~Copyable {
        var file: SocketFile
        /// Whether the file must not be created again.
        var isClosed = false
        /// The last error that was logged, so that it is logged once.
        var logged: SocketFileError?
    }

    let path: String
    /// The listening descriptor at start. The server closes it.
    let descriptor: CInt

    private let state: Mutex<State>
    private let worker = FileWorker()
    private let logger: Logger

    /// inotify(7) does not report everything, such as a mount over the directory; so the file is also checked
    /// periodically.
    private static let timing = {
        var pace = FileChangeMonitor.Timing()
        pace.settling = .milliseconds(50)
        pace.period = .seconds(5)
        return pace
    }()

    init(_ file: consuming SocketFile, logger: Logger) {
        self.path = file.path
        self.descriptor = file.descriptor
        self.state = Mutex(State(file: file))
        self.logger = logger
    }

    /// Watches until it is cancelled.
    ///
    /// - Parameter replace: takes ownership of the listening socket of a file that was created again.
    func run(_ replace: @escaping @Sendable (consuming Descriptor) -> Void) async {
        let logger = self.logger
        let monitor = FileChangeMonitor(for: [self.path], pace: Self.timing)
        await monitor.run(
            cannotWatch: { error in
                logger.warning(
                    "cannot watch the socket's directory; checking every 5 seconds",
                    metadata: ["reason": "\(error)"])
            }
        ) {
            // An unresponsive file system is tried again the next time.
            try? await self.worker.run { self.restore(replace) }
            return false
        }
    }

    /// Removes the file if it is still the agent's, and stops creating it.
    func close() async {
        self.state.withLock { $0.isClosed = true }
        try? await self.worker.run { self.removeFile() }
    }

    /// As ``close()``, on the calling thread.
    func removeFile() {
        self.state.withLock { state in
            state.isClosed = true
            state.file.removeName()
        }
    }

    // MARK: On the worker's thread

    private func restore(_ replace: (consuming Descriptor) -> Void) {
        let (site, identity, isClosed, isKnown) = self.state.withLock { state in
            (state.file.site, state.file.identity, state.isClosed, state.logged != nil)
        }
        guard !isClosed, !identity.isAt(site.path) else { return self.noteInPlace() }
        if !isKnown {
            self.logger.warning(
                "socket file removed or replaced; creating it again", metadata: ["socket": "\(site.path)"])
        }
        do throws(SocketFileError) {
            guard let descriptor = self.take(try SocketFile(at: site)) else { return }
            replace(Descriptor(owning: descriptor))
            self.logger.notice("listening again", metadata: ["socket": "\(site.path)"])
        } catch {
            self.note(error)
        }
    }

    /// - Returns: the descriptor of the file; nil if the agent stops, which removes the file.
    private func take(_ file: consuming SocketFile) -> CInt? {
        let descriptor = file.descriptor
        var file = Optional(file)  // A closure cannot consume what it captures, but can take it from an optional.
        let isTaken = self.state.withLock { state in
            if let file = file.take() { state.file = file }
            state.logged = nil
            if state.isClosed { state.file.removeName() }
            return !state.isClosed
        }
        if !isTaken { _ = Descriptor(owning: descriptor) }
        return isTaken ? descriptor : nil
    }

    private func noteInPlace() { self.state.withLock { $0.logged = nil } }

    private func note(_ error: SocketFileError) {
        let isNew = self.state.withLock { state in
            defer { state.logged = error }
            return state.logged != error
        }
        guard isNew else { return }
        self.logger.error(
            "cannot create the socket file again; retrying every 5 seconds",
            metadata: ["reason": "\(AgentFailure(error).message)"])
    }
}
