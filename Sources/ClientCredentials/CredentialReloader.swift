// SPDX-License-Identifier: Apache-2.0

package import CertificateRotation
package import Cryptography
package import Linux
import LockedMemory
import Synchronization

/// Keeps credentials current: watches their files, reads them anew, checks them, hands out what replaces what is in use.
///
/// Whether that is to be done is for ``Rotation`` to say. A certificate that was made from an API key is made anew well
/// before it ends.
package actor CredentialReloader {
    package enum Event: Sendable {
        /// These are in use from now on; `roles` says what of them is new.
        case replaced(Set<CredentialRole>, Credentials)
        /// What the files hold is not used. Told once for each fault.
        case refused(CredentialFault)
        /// The files hold again what is in use.
        case recovered(CredentialRole)
        /// The certificate in use ends within days.
        case endsSoon(Validity)
        case ended(Validity)
        /// Changes are found only by looking from time to time.
        case notWatching(SystemError)
    }

    package typealias Timing = FileChangeMonitor.Timing

    private let source: CredentialSource
    private let monitor: FileChangeMonitor
    private let worker: FileWorker
    private let now: @Sendable () -> Int
    private let report: @Sendable (Event) -> Void

    private var credentials: Credentials
    private var client: Rotation<CredentialFault>
    private var authorities: Rotation<CredentialFault>
    private var alarm: ExpiryAlarm
    /// How often `credentials` has been replaced.
    private var replacedCount = 0

    private let published: Mutex<CredentialStatus>

    /// - Parameters:
    ///   - credentials: what the source held at the start.
    ///   - worker: reads the files. A read that it gives up on is a fault like any other.
    ///   - now: seconds since 1970.
    ///   - report: is called with every event, one at a time.
    package init(
        _ source: CredentialSource,
        credentials: Credentials,
        pace: Timing = Timing(),
        worker: FileWorker = FileWorker(),
        now: @escaping @Sendable () -> Int = WallClock.currentSecond,
        report: @escaping @Sendable (Event) -> Void
    ) {
        self.source = source
        self.monitor = FileChangeMonitor(for: source.paths, pace: pace)
        self.worker = worker
        self.now = now
        self.report = report
        self.credentials = credentials
        self.client = Rotation(current: credentials.client.fingerprints)
        self.authorities = Rotation(current: credentials.trust.fingerprints)
        // What had ended at the start is in the warnings.
        self.alarm = ExpiryAlarm(
            days: [7], told: credentials.identity.validity.hasEnded(at: now()) ? .ended : .far)
        self.published = Mutex(CredentialStatus(credentials.identity))
    }

    /// For metrics, at any moment.
    package nonisolated var status: CredentialStatus { self.published.withLock(\.self) }

    /// Watches until it is cancelled.
    package func run() async {
        let report = self.report
        await self.monitor.run(cannotWatch: { report(.notWatching($0)) }) { await self.look() }
    }

    /// Looks at once, and tells what is wrong, be it for the second time.
    package func reloadNow() async { _ = await self.look(isAsked: true) }

    /// - Returns: whether to look again soon.
    private func look(isAsked: Bool = false) async -> Bool {
        let now = self.now()
        guard let reading = await self.read(now: now) else { return false }
        if reading.lacksMemory {
            if isAsked { self.report(.refused(.noMemory)) }
            return true
        }
        let instant = ContinuousClock.now
        let (client, trust) = (reading.client, reading.trust)
        let decisions: [CredentialRole: Rotation<CredentialFault>.Decision] = [
            .client: self.client.decide(on: client.map(\.fingerprints), now: instant, isAsked: isAsked),
            .authorities: self.authorities.decide(on: trust.map(\.fingerprints), now: instant, isAsked: isAsked),
        ]
        let taken = Set(decisions.filter { $0.value == .take }.keys)
        if !taken.isEmpty {
            self.replacedCount += 1
            self.credentials = Credentials(
                client: (try? client.get()) ?? self.credentials.client,
                trust: (try? trust.get()) ?? self.credentials.trust
            )
        }
        for (role, decision) in decisions { self.note(decision, on: role) }
        if !taken.isEmpty { self.report(.replaced(taken, self.credentials)) }
        if taken.contains(.client) { self.alarm = self.alarm.fresh() }
        self.checkExpiry(now: now)
        return decisions.values.contains(.lookAgain)
    }

    /// What the files hold. If another look has replaced the credentials meanwhile, they are read again, since what they
    /// hold was compared with the former ones.
    ///
    /// - Returns: nil if the task was cancelled.
    private func read(now: Int) async -> CredentialReading? {
        while true {
            let (source, current, count) = (self.source, self.credentials, self.replacedCount)
            do throws(FileWorker.Failure) {
                let reading = try await self.worker.run {
                    var (reading, wereRefused) = RefusedAllocations.during {
                        CredentialReading(of: source, inUse: current, now: now)
                    }
                    reading.lacksMemory = wereRefused && (reading.client.isFailure || reading.trust.isFailure)
                    return reading
                }
                if count == self.replacedCount { return reading }
            } catch .cancelled {
                return nil
            } catch {
                return CredentialReading(failed: source.fault(for: error), inUse: self.credentials)
            }
        }
    }

    private func note(_ decision: Rotation<CredentialFault>.Decision, on role: CredentialRole) {
        self.published.withLock { $0.note(decision, on: role, identity: self.credentials.identity) }
        switch decision {
        case .recover: self.report(.recovered(role))
        case .refuse(let fault): self.report(.refused(fault))
        case .keep, .take, .lookAgain: break
        }
    }

    private func checkExpiry(now: Int) {
        let validity = self.credentials.identity.validity
        switch self.alarm.advance(validity, now: now) {
        case .near: self.report(.endsSoon(validity))
        case .ended: self.report(.ended(validity))
        case .far, nil: break
        }
    }
}

extension Result {
    fileprivate var isFailure: Bool {
        if case .failure = self { true } else { false }
    }
}

extension CredentialFault {
    /// The files may be good.
    fileprivate static let noMemory = CredentialFault(
        role: .client,
        notice: CredentialNotice(
            "credentials", "out of locked memory while reading the files",
            remedy: "reload again, or increase LimitMEMLOCK= and memory.locked_max"))
}
