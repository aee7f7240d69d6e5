// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import LockedMemory
import TestSupport

extension TransferEngine.Options {
    /// Options that do not fail on a machine that is busy with other tests.
    static func patient(
        _ version: TransferEngine.HTTPVersion = .auto, requestCountMax: Int = 24
    ) -> Self {
        var options = Self(httpVersion: version, connectTimeout: .seconds(180), requestCountMax: requestCountMax)
        options.idleTimeout = .seconds(3600)
        return options
    }
}

/// Runs `body` with an engine of its own and one pool, and stops the engine after it.
func withPool<Result>(
    _ options: TransferEngine.Options = .patient(),
    trusting authority: String? = nil,
    _ body: (ConnectionPool) async throws -> Result
) async throws -> Result {
    let trust = try Trust.shared
    let tls = try authority.map { try Trust.client(trusting: $0, memory: trust.memory) } ?? trust.client
    let engine = try TransferEngine(options: options, memory: trust.memory)
    do {
        let result = try await body(engine.makePool(tls: tls))
        await engine.stop()
        return result
    } catch {
        await engine.stop()
        throw error
    }
}

extension Transfer {
    /// A GET that is not in a hurry.
    static func get(
        _ endpoint: String, _ path: String = "/", answerByteCountMax: Int = 1 << 20,
        deadline: ContinuousClock.Instant = .now + .seconds(60), isRepeatable: Bool = true
    ) -> Transfer {
        Transfer(
            .get, endpoint, path, answerByteCountMax: answerByteCountMax, deadline: deadline,
            isRepeatable: isRepeatable)
    }
}

extension ConnectionPool {
    /// What a GET of `path` gets, as text.
    func get(
        _ server: TestServer, _ path: String = "/", isRepeatable: Bool = true
    ) async throws -> String {
        try await self.perform(.get(server.endpoint, path, isRepeatable: isRepeatable)).text
    }

    /// Why a transfer that cannot succeed does not.
    func failure(of transfer: consuming Transfer) async -> TransferFailure? {
        do throws(TransferFailure) {
            _ = try await self.perform(transfer)
            return nil
        } catch {
            return error
        }
    }
}

extension TransferAnswer {
    var text: String { String(decoding: self.bytes, as: UTF8.self) }

    var bytes: [UInt8] { self.body.withBytes { bytes in bytes.indices.map { bytes[$0] } } }

    /// Leaves no copy of either.
    func isEqual(to secret: borrowing Secret) -> Bool {
        switch self.body {
        case .secret(let body): body.isEqual(to: secret)
        case .transit: false
        }
    }
}

extension TransferFailure.Kind {
    /// Without what it says of a certificate.
    var isNotTrusted: Bool { if case .notTrusted = self { true } else { false } }
}
