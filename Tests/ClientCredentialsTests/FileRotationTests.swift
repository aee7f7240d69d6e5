// SPDX-License-Identifier: Apache-2.0

import CertificateRotation
import Cryptography
import Glibc
import TestSupport
import Testing

@testable import ClientCredentials

/// The keeper as it runs in the agent, over files that are replaced in each of the ways there are. Waits for what it
/// reports.
@Suite(.timeLimit(.minutes(5)))
struct FileRotationTests {
    enum Way: String, Sendable, CaseIterable {
        case inPlace, renamedOver, dataLinkSwapped, removedThenCreated

        func replace(with pair: TestKeyPair, generation: Int, in folder: CredentialFolder) throws {
            switch self {
            case .inPlace:
                try folder.write(pair)
            case .renamedOver:
                try pair.write(to: folder.folder.path, as: "new")
                rename(folder("new.crt"), folder("client.crt"))
                rename(folder("new.key"), folder("client.key"))
            case .dataLinkSwapped:
                let data = try folder.folder.makeFolder("..\(generation)")
                try pair.write(to: data, as: "client")
                symlink("..\(generation)", folder("..data_tmp"))
                rename(folder("..data_tmp"), folder("..data"))
            case .removedThenCreated:
                unlink(folder("client.crt"))
                unlink(folder("client.key"))
                try folder.write(pair)
            }
        }
    }

    @Test("Each pair is taken, and no half of one is complained of", .serialized, arguments: Way.allCases)
    func rotations(way: Way) async throws {
        let folder = try CredentialFolder()
        if way == .dataLinkSwapped {
            symlink("..data/client.crt", folder("client.crt"))
            symlink("..data/client.key", folder("client.key"))
        }
        try way.replace(with: try folder.authority.issueClient(), generation: 0, in: folder)
        let source = try folder.source()
        let (events, feed) = AsyncStream.makeStream(of: CredentialReloader.Event.self)
        var pace = CredentialReloader.Timing()
        pace.settling = .milliseconds(1)
        let keeper = CredentialReloader(source, credentials: try source.load(now: now()), pace: pace) { feed.yield($0) }
        try await withThrowingTaskGroup { group in
            group.addTask { await keeper.run() }
            defer { group.cancelAll() }
            var iterator = events.makeAsyncIterator()
            for generation in 1...20 {
                let pair = try folder.authority.issueClient()
                try way.replace(with: pair, generation: generation, in: folder)
                let event = await iterator.next()
                guard case .replaced([.client], let credentials)? = event else {
                    Issue.record("\(generation): \(String(describing: event))")
                    return
                }
                #expect(credentials.identity.identity == pair.identity)
            }
        }
        #expect(keeper.status.replaced == [.client: 20])
        #expect(keeper.status.refused.isEmpty)
    }

    @Test("A fault that stays is told without being asked for, and once")
    func standingFault() async throws {
        let folder = try CredentialFolder()
        try folder.issue()
        let source = try folder.source()
        let (events, feed) = AsyncStream.makeStream(of: CredentialReloader.Event.self)
        var pace = CredentialReloader.Timing()
        pace.settling = .milliseconds(1)
        let keeper = CredentialReloader(source, credentials: try source.load(now: now()), pace: pace) { feed.yield($0) }
        try await withThrowingTaskGroup { group in
            group.addTask { await keeper.run() }
            defer { group.cancelAll() }
            var iterator = events.makeAsyncIterator()
            try overwrite(folder("client.key"), with: try folder.authority.issueClient().key)
            guard case .refused? = await iterator.next() else {
                Issue.record("not refused")
                return
            }
            try folder.issue()
            guard case .replaced? = await iterator.next() else {
                Issue.record("not replaced")
                return
            }
        }
        #expect(keeper.status.refused == [.client: 1])
    }
}
