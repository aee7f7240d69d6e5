// SPDX-License-Identifier: Apache-2.0

package import Cluster
package import CurlTransport
package import KESProtocol
package import KeyService
package import LockedMemory

/// Tries an endpoint from the name to a data key, and tells what fails first: for operators, before the agent starts.
///
/// Nothing changes at the server: a data key that is generated is not kept there.
package struct EndpointCheck: Sendable {
    package enum Finding: Equatable, Sendable {
        /// All that an object store needs works.
        case works(version: String, latency: Duration)
        case failed(Failure)
    }

    /// What is wrong, the first thing that is.
    package enum Failure: Error, Equatable, Sendable {
        case notReached(TransferFailure)
        /// Everything is forbidden: no policy is for this identity.
        case identityUnknown
        case notPermitted([Operation])
        case keyMissing
        case keyStoreUnreachable
        /// Another failure that the server tells of.
        case refused(Operation, KESFailure)
        /// What answers is no KES server, or one that does not get its own data keys open.
        case unusable(Operation, KESAnswer.Unusable)
        case opensWrongly
    }

    let transport: any ClusterTransport
    private let keyName: KeyName
    let memory: SecretMemory
    let timeout: Duration
    let clock: any SteadyClock

    /// - Parameter timeout: for each of the four questions.
    package init(
        transport: any ClusterTransport, keyName: KeyName, memory: SecretMemory, timeout: Duration,
        clock: any SteadyClock = ContinuousClock()
    ) {
        self.transport = transport
        self.keyName = keyName
        self.memory = memory
        self.timeout = timeout
        self.clock = clock
    }

    /// Tries endpoints, all at a time.
    package func run(at addresses: [String]) async -> [Finding] {
        await withTaskGroup(of: (Int, Finding).self) { group in
            for (index, address) in addresses.enumerated() {
                group.addTask { (index, await self.run(at: address)) }
            }
            var findings: [(Int, Finding)] = []
            for await finding in group { findings.append(finding) }
            return findings.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    package func run(at address: String) async -> Finding {
        do throws(Problem) {
            return try await self.tryAll(at: address)
        } catch {
            switch error {
            case .denied: return .failed(.identityUnknown)  // Not even the version, which everybody may ask for.
            case .found(let failure): return .failed(failure)
            }
        }
    }

    // MARK: The questions

    private func tryAll(at address: String) async throws(Problem) -> Finding {
        let begin = self.clock.now
        let version = try await self.ask(.version, "", NoBody(), at: address) { (body, _) throws(KESAnswer.Unusable) in
            try KESAnswer.Version(decoding: body).version
        }
        let latency = self.clock.now - begin
        let isStatusDenied = try await self.tryStatus(at: address)
        let denied = try await self.tryDataKey(at: address)
        if isStatusDenied, denied == [.generateKey, .decrypt] { return .failed(.identityUnknown) }
        return denied.isEmpty ? .works(version: version, latency: latency) : .failed(.notPermitted(denied))
    }

    /// - Returns: whether asking for the status is forbidden, which does no harm.
    private func tryStatus(at address: String) async throws(Problem) -> Bool {
        do throws(Problem) {
            let status = try await self.ask(.status, "", NoBody(), at: address) {
                (body, _) throws(KESAnswer.Unusable) in try KESAnswer.Status(decoding: body)
            }
            guard status.keyStore != .unreachable else { throw Problem.found(.keyStoreUnreachable) }
            return false
        } catch .denied {
            return true
        }
    }

    /// - Returns: what is forbidden.
    private func tryDataKey(at address: String) async throws(Problem) -> [Operation] {
        let generate = KESRequest.GenerateKey(associatedData: Self.associatedData)
        let dataKey: DataKey
        do throws(Problem) {
            dataKey = try await self.ask(.generateKey, self.keyName.description, generate, at: address) {
                (body, memory) throws(KESAnswer.Unusable) in
                try KESAnswer.GenerateKey(decoding: body, memory: memory).takeDataKey()
            }
        } catch .denied {
            // Rights are looked at before the ciphertext: without one, decrypting fails otherwise where it is allowed.
            return await self.isDenied(at: address) ? [.generateKey, .decrypt] : [.generateKey]
        }
        do throws(Problem) {
            let plaintext = try await self.decrypt(dataKey.ciphertext, at: address)
            guard plaintext.isEqual(to: dataKey.plaintext) else { throw Problem.found(.opensWrongly) }
            return []
        } catch .denied {
            return [.decrypt]
        }
    }

    private func isDenied(at address: String) async -> Bool {
        do throws(Problem) {
            _ = try await self.decrypt(Ciphertext([]), at: address)
            return false
        } catch {
            return error == .denied
        }
    }

    private func decrypt(_ ciphertext: Ciphertext, at address: String) async throws(Problem) -> Secret {
        let request = KESRequest.Decrypt(ciphertext: ciphertext, associatedData: Self.associatedData)
        return try await self.ask(
            .decrypt, self.keyName.description, request, at: address, decode: KESService.plaintext)
    }

    private static let associatedData = AssociatedData(Array("keyside check".utf8))

    // MARK: One question

    private enum Problem: Error, Equatable {
        case denied
        case found(Failure)
    }

    private func ask<Value: ~Copyable>(
        _ operation: Operation, _ name: String, _ message: some KESMessage, at address: String,
        decode: Decoder<Value>
    ) async throws(Problem) -> Value {
        do throws(CallFailure) {
            return try await self.perform(operation, name, message, at: address, decode: decode)
        } catch {
            throw Self.problem(error, operation)
        }
    }

    private static func problem(_ failure: CallFailure, _ operation: Operation) -> Problem {
        switch failure {
        case .transfer(let failure): .found(.notReached(failure))
        case .unusable(let fault): .found(.unusable(operation, fault))
        case .refused(let failure):
            switch KeyServiceError(kes: failure) {
            case .notAllowed: .denied
            case .keyNotFound: .found(.keyMissing)
            case .keyExists, .decryptionFailed, .notSupported, .unsupportedAlgorithm, .hmacNotSupported, .overloaded,
                .outOfMemory, .unavailable, .timedOut, .contradicted, .internalFailure:
                .found(.refused(operation, failure))
            }
        }
    }
}
