// SPDX-License-Identifier: Apache-2.0

import CertificateRotation
import Cryptography
import Linux
import LockedMemory
import Synchronization

/// Reloads the files of the TLS listener when they change.
///
/// Certificate, private key and client CA certificates are replaced together, so that they always match.
actor ListenerReloader {
    enum Event: Sendable {
        /// Use this certificate for new connections.
        case replaced(ServerCertificate)
        /// The files cannot be used. Reported once for each fault.
        case refused(ListenerFault)
        /// The files match the certificate in use again.
        case recovered
        /// The certificate in use expires within 30, 7 or 1 days.
        case endsSoon(Validity)
        case ended(Validity)
        /// The files cannot be watched; changes are found periodically.
        case notWatching(SystemError)
    }

    /// The state for metrics.
    struct Status: Sendable {
        var validity: Validity
        var replaced = 0
        var refused = 0
    }

    private let files: ListenerFiles
    private let monitor: FileChangeMonitor
    private let worker: FileWorker
    private let now: @Sendable () -> Int
    private let report: @Sendable (Event) -> Void

    private var showing: ServerCertificate
    private var rotation: Rotation<ListenerFault>
    private var alarm: ExpiryAlarm
    /// How often the certificate was replaced.
    private var replacedCount = 0

    private let published: Mutex<Status>

    /// - Parameters:
    ///   - showing: the contents of the files at start.
    ///   - worker: reads the files. A read that times out is a fault.
    ///   - now: seconds since 1970.
    ///   - report: receives the events, one at a time.
    init(
        _ files: ListenerFiles, showing: ServerCertificate, pace: FileChangeMonitor.Timing = .init(),
        worker: FileWorker = FileWorker(),
        now: @escaping @Sendable () -> Int = WallClock.currentSecond, report: @escaping @Sendable (Event) -> Void
    ) {
        self.files = files
        self.monitor = FileChangeMonitor(for: files.paths, pace: pace)
        self.worker = worker
        self.now = now
        self.report = report
        self.showing = showing
        self.rotation = Rotation(current: showing.fingerprints)
        // Stages reached before the start were reported then.
        let alarm = ExpiryAlarm(days: [30, 7, 1])
        self.alarm = ExpiryAlarm(days: [30, 7, 1], told: alarm.stage(of: showing.validity, at: now()))
        self.published = Mutex(Status(validity: showing.validity))
    }

    /// Readable from any thread.
    nonisolated var status: Status { self.published.withLock(\.self) }

    /// Watches until it is cancelled.
    func run() async {
        let report = self.report
        await self.monitor.run(cannotWatch: { report(.notWatching($0)) }) { await self.look() }
    }

    /// Reads the files at once, and reports a fault even if it was reported before.
    func reloadNow() async { _ = await self.look(isAsked: true) }

    /// - Returns: whether to read the files again soon.
    private func look(isAsked: Bool = false) async -> Bool {
        let now = self.now()
        guard let (reading, lacksMemory) = await self.read(now: now) else { return false }
        // Without memory, a valid certificate looks invalid. So such a read is ignored.
        if lacksMemory, case .failure = reading {
            if isAsked { self.report(.refused(.noMemory)) }
            return true
        }
        let decision = self.rotation.decide(on: reading.map(\.fingerprints), now: .now, isAsked: isAsked)
        switch decision {
        case .take:
            if case .success(let successor) = reading { self.take(successor) }
        case .refuse(let fault):
            self.published.withLock { $0.refused += 1 }
            self.report(.refused(fault))
        case .recover:
            self.report(.recovered)
        case .keep, .lookAgain:
            break
        }
        self.checkExpiry(now: now)
        return decision == .lookAgain
    }

    /// Reads the files. Reads them again if another read has replaced the certificate in use meanwhile, because the
    /// contents were compared with the former one.
    ///
    /// - Returns: nil if the task was cancelled.
    private func read(now: Int) async -> (result: Result<ServerCertificate, ListenerFault>, lacksMemory: Bool)? {
        while true {
            let (files, current, count) = (self.files, self.showing, self.replacedCount)
            do throws(FileWorker.Failure) {
                let reading = try await self.worker.run {
                    RefusedAllocations.during {
                        Result { () throws(ListenerFault) in try files.successor(of: current, now: now) }
                    }
                }
                if count == self.replacedCount { return (reading.result, reading.wereRefused) }
            } catch .cancelled {
                return nil
            } catch {
                return (.failure(files.fault(for: error)), false)
            }
        }
    }

    private func take(_ successor: ServerCertificate) {
        self.replacedCount += 1
        self.showing = successor
        self.alarm = self.alarm.fresh()
        self.report(.replaced(successor))
        // Last, so that an observer of the count gets the new certificate.
        self.published.withLock { status in
            status.validity = successor.validity
            status.replaced += 1
        }
    }

    private func checkExpiry(now: Int) {
        let validity = self.showing.validity
        switch self.alarm.advance(validity, now: now) {
        case .near: self.report(.endsSoon(validity))
        case .ended: self.report(.ended(validity))
        case .far, nil: break
        }
    }
}
