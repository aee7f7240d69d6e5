// SPDX-License-Identifier: Apache-2.0

import CertificateRotation
import Cryptography
import Linux
import LockedMemory
import Synchronization

/// Keeps what the TLS listener shows current: looks at its files, and hands out what replaces what is in use.
///
/// Certificate, key and authorities are one thing here and replaced together, so that there is never a mixture which
/// nobody has meant.
actor ListenerReloader {
    enum Event: Sendable {
        /// This is to be shown from now on.
        case replaced(ServerCertificate)
        /// What the files hold is not used. Told once for each fault.
        case refused(ListenerFault)
        /// The files hold again what is in use.
        case recovered
        /// The certificate in use ends within 30, 7 or 1 days.
        case endsSoon(Validity)
        case ended(Validity)
        /// Changes are found only by looking from time to time.
        case notWatching(SystemError)
    }

    /// For metrics.
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
    /// How often `showing` has been replaced.
    private var replacedCount = 0

    private let published: Mutex<Status>

    /// - Parameters:
    ///   - showing: what the files held at the start.
    ///   - worker: reads the files. A read that it gives up on is a fault like any other.
    ///   - now: seconds since 1970.
    ///   - report: is called with every event, one at a time.
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
        // What was near at the start has been told then.
        let alarm = ExpiryAlarm(days: [30, 7, 1])
        self.alarm = ExpiryAlarm(days: [30, 7, 1], told: alarm.stage(of: showing.validity, at: now()))
        self.published = Mutex(Status(validity: showing.validity))
    }

    /// At any moment.
    nonisolated var status: Status { self.published.withLock(\.self) }

    /// Watches until it is cancelled.
    func run() async {
        let report = self.report
        await self.monitor.run(cannotWatch: { report(.notWatching($0)) }) { await self.look() }
    }

    /// Looks at once, and tells what is wrong, be it for the second time.
    func reloadNow() async { _ = await self.look(isAsked: true) }

    /// - Returns: whether to look again soon.
    private func look(isAsked: Bool = false) async -> Bool {
        let now = self.now()
        guard let (reading, lacksMemory) = await self.read(now: now) else { return false }
        // Without memory a good certificate looks like a bad one. So nothing is concluded from such a reading.
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

    /// What the files hold. If another look has replaced what is in use meanwhile, they are read again, since what they
    /// hold was compared with the former.
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
        // Last, so that whoever sees it counted gets the new one.
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
