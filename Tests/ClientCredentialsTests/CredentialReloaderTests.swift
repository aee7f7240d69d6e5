// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import ClientCredentials

/// The keeper over real files. It is asked to look, so that no test waits for time to pass.
struct CredentialReloaderTests {
    let folder: CredentialFolder

    init() throws { self.folder = try CredentialFolder() }

    @Test("Another pair replaces the one in use, and only once")
    func replacement() async throws {
        try self.folder.issue()
        let keeper = try Kept(self.folder.source())
        let pair = try self.folder.issue(kind: .ed25519)
        #expect(await keeper.look() == ["replaced upstream"])
        #expect(await keeper.look() == [])
        #expect(keeper.inUse.identity.identity == pair.identity)
        #expect(keeper.inUse.tls.identity === keeper.inUse.identity)
        #expect(keeper.status.identity == pair.identity)
        #expect(keeper.status.validity.notAfter == pair.facts.validity.notAfter)
        #expect(keeper.status.replaced == [.client: 1])
    }

    @Test("A renewed certificate for the same key is another one")
    func sameKey() async throws {
        let first = try self.folder.issue()
        let keeper = try Kept(self.folder.source())
        try self.folder.write(try self.folder.authority.issueClient(key: first.key))
        #expect(await keeper.look() == ["replaced upstream"])
        #expect(keeper.inUse.identity.identity == first.identity)
    }

    @Test("A pair that cannot be used is refused; the old one stays", arguments: CredentialSourceTests.Damage.allCases)
    func refusal(damage: CredentialSourceTests.Damage) async throws {
        let pair = try self.folder.issue()
        let keeper = try Kept(self.folder.source(password: damage == .passwordWrong ? "wrong" : nil))
        try damage.make(in: self.folder)
        let message = damage.message.replacing("@", with: self.folder.folder.path)
        #expect(await keeper.look() == ["refused \(message)"])
        #expect(keeper.inUse.identity.identity == pair.identity)
        #expect(keeper.status.refused == [.client: 1])
        #expect(keeper.status.faults[.client]?.description == message)
    }

    @Test("Files that do not answer are a fault; when they do, what they hold is taken")
    func hangingFiles() async throws {
        let pair = try self.folder.issue()
        let (worker, gate) = (FileWorker(limit: .seconds(2)), ThreadGate())
        let keeper = try Kept(self.folder.source(), worker: worker)
        _ = try? await worker.run { gate.pass() }
        let new = try self.folder.issue()
        for _ in 0..<2 {
            let told = await keeper.look()
            #expect(told.count == 1 && told[0].hasPrefix("refused MINIO_KMS_KES_"), "\(told)")
            #expect(told.first?.contains("could not be read within") == true)
        }
        #expect(keeper.inUse.identity.identity == pair.identity)
        gate.open()
        while await keeper.look() != ["replaced upstream"] {}
        #expect(keeper.inUse.identity.identity == new.identity)
    }

    @Test("When the old pair comes back, all is well")
    func recovery() async throws {
        let pair = try self.folder.issue()
        let keeper = try Kept(self.folder.source())
        unlink(self.folder("client.key"))
        #expect(await keeper.look().count == 1)
        try self.folder.write(pair)
        #expect(await keeper.look() == ["recovered upstream"])
        #expect(keeper.status.faults.isEmpty)
    }

    @Test(
        "A new pair that has expired, or is not valid yet, is refused",
        arguments: [CertificateValidity.expired, .notYet])
    func dates(validity: CertificateValidity) async throws {
        let pair = try self.folder.issue()
        let keeper = try Kept(self.folder.source())
        try self.folder.issue(validity: validity)
        let told = await keeper.look()
        #expect(told.first?.contains(validity.notAfter < now() ? "expired at" : "not valid before") == true)
        #expect(keeper.inUse.identity.identity == pair.identity)

        // It is taken when its time comes, though nothing changes in the files.
        keeper.setClock(validity.notBefore + 1)
        #expect(await keeper.look() == ["replaced upstream"])
    }

    @Test("A certificate from an API key is made anew when a third of its time is left")
    func renewal() async throws {
        let key = try TestAPIKey()
        let start = now()
        let keeper = try Kept(self.folder.apiKeySource(key.text))
        keeper.setClock(start + 59 * Self.day)
        #expect(await keeper.look() == [])
        keeper.setClock(start + 61 * Self.day)
        #expect(await keeper.look() == ["replaced upstream"])
        #expect(await keeper.look() == [])
        #expect(keeper.status.identity == key.identity)
        #expect(keeper.status.validity.notAfter == start + 151 * Self.day)
    }

    @Test("A certificate that was made when the clock was wrong is made anew")
    func clockWentBack() async throws {
        let start = now()
        let keeper = try Kept(self.folder.apiKeySource(try TestAPIKey().text))
        keeper.setClock(start - 10 * Self.day)
        #expect(await keeper.look() == ["replaced upstream"])
    }

    @Test("That the certificate in use ends is told, soon before and then")
    func expiry() async throws {
        try self.folder.issue()
        let keeper = try Kept(self.folder.source())
        let end = keeper.status.validity.notAfter
        keeper.setClock(end - 10 * Self.day)
        #expect(await keeper.look() == [])
        keeper.setClock(end - Self.day)
        #expect(await keeper.look() == ["ends soon"])
        keeper.setClock(end + 1)
        #expect(await keeper.look() == ["ended"])
        #expect(await keeper.look() == [])
    }

    @Test("Another bundle of authorities replaces the one in use; the client's certificate stays")
    func authorities() async throws {
        try self.folder.issue()
        let keeper = try Kept(self.folder.source())
        let (identity, trust) = (keeper.inUse.identity, keeper.inUse.tls.trust)
        try overwrite(self.folder("ca.crt"), with: try TestAuthority().certificate)
        #expect(await keeper.look() == ["replaced upstream_ca"])
        #expect(keeper.inUse.identity === identity)
        #expect(keeper.inUse.tls.trust !== trust)
    }

    @Test(
        "Authorities that are lost or damaged are refused, also where they are let pass at the start",
        arguments: [nil, "", "garbage", "half"]
    )
    func lostAuthorities(contents: String?) async throws {
        try self.folder.issue()
        let keeper = try Kept(self.folder.source())
        let trust = keeper.inUse.tls.trust
        if let contents {
            let half = String(self.folder.authority.certificate.prefix(200))
            try overwrite(self.folder("ca.crt"), with: contents == "half" ? half : contents)
        } else {
            unlink(self.folder("ca.crt"))
        }
        let told = await keeper.look()
        #expect(told.count == 1)
        #expect(told.first?.hasPrefix("refused MINIO_KMS_KES_CAPATH: \(self.folder("ca.crt")): ") == true)
        #expect(keeper.inUse.tls.trust === trust)
        #expect(keeper.status.refused == [.authorities: 1])
        try overwrite(self.folder("ca.crt"), with: self.folder.authority.certificate)
        #expect(await keeper.look() == ["recovered upstream_ca"])
    }

    @Test("Authorities that are missing at the start are taken when they come")
    func lateAuthorities() async throws {
        try self.folder.issue()
        let keeper = try Kept(self.folder.source(caPath: "later"))
        #expect(await keeper.look() == [])
        _ = try self.folder.folder.makeFolder("later")
        try overwrite(self.folder("later/ca.pem"), with: self.folder.authority.certificate)
        #expect(await keeper.look() == ["replaced upstream_ca"])
    }

    @Test("A fault of one does not keep the other from being replaced")
    func independence() async throws {
        try self.folder.issue()
        let keeper = try Kept(self.folder.source())
        unlink(self.folder("ca.crt"))
        let pair = try self.folder.issue()
        let told = await keeper.look()
        #expect(told.count == 2)
        #expect(told.contains("replaced upstream"))
        #expect(keeper.inUse.identity.identity == pair.identity)
    }

    private static let day = 24 * 3600
}

/// A keeper with a clock that a test sets, and what it has told.
private final class Kept: Sendable {
    private let keeper: CredentialReloader
    private let clock: Clock
    private let record: Record

    private final class Clock: Sendable {
        let seconds = Mutex(now())
    }

    private final class Record: Sendable {
        let events = Mutex<[CredentialReloader.Event]>([])
        let credentials: Mutex<Credentials>

        init(_ credentials: Credentials) { self.credentials = Mutex(credentials) }
    }

    init(_ source: CredentialSource, worker: FileWorker = FileWorker()) throws {
        let credentials = try source.load(now: now())
        let (clock, record) = (Clock(), Record(credentials))
        self.clock = clock
        self.record = record
        self.keeper = CredentialReloader(
            source, credentials: credentials, worker: worker, now: { clock.seconds.withLock(\.self) }
        ) { event in
            record.events.withLock { $0.append(event) }
            if case .replaced(_, let credentials) = event { record.credentials.withLock { $0 = credentials } }
        }
    }

    var inUse: Credentials { self.record.credentials.withLock(\.self) }
    var status: CredentialStatus { self.keeper.status }

    func setClock(_ seconds: Int) { self.clock.seconds.withLock { $0 = seconds } }

    /// Has it look.
    ///
    /// - Returns: what it told.
    func look() async -> [String] {
        await self.keeper.reloadNow()
        return self.record.events.withLock { events in
            defer { events = [] }
            return events.map { event in
                switch event {
                case .replaced(let roles, _): "replaced " + roles.map(\.rawValue).sorted().joined(separator: ", ")
                case .refused(let fault): "refused \(fault)"
                case .recovered(let role): "recovered \(role.rawValue)"
                case .endsSoon: "ends soon"
                case .ended: "ended"
                case .notWatching(let error): "not watching: \(error)"
                }
            }
        }
    }
}
