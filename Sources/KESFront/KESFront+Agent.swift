// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer
import KESProtocol
import KeyService
import Linux
import LockedMemory
import Telemetry

/// What the agent tells of itself.
extension KESFront {
    /// Version, readiness, status, metrics, API: the endpoints that take no name.
    func tell(_ endpoint: Operation, with writer: inout ResponseWriter) -> DeferredAnswer? {
        let front = self
        switch endpoint {
        case .version:
            writer.write(.json(KESAnswer.Version(version: self.version, commit: self.commit).body))
            return nil
        case .api:
            writer.write(.json(KESAnswer.API().body))
            return nil
        case .metrics:
            var text = MetricsText()
            self.metrics.writeMetrics(to: &text)
            writer.write(.metrics(text.text))
            return nil
        case .ready:
            return { writer in
                await writer.respond(at: .ready) { () throws(KeyServiceError) in
                    guard case .reachable = await front.service.status().reachability else { throw .unavailable }
                    return Response(.ok)
                }
            }
        case .status:
            return { writer in
                let status = await front.status()
                writer.write(.json(status.body))
            }
        case .decrypt, .generateKey, .encrypt, .hmac, .describeKey, .listKeys, .createKey, .importKey, .deleteKey:
            preconditionFailure("\(endpoint) is routed elsewhere")
        }
    }

    private func status() async -> KESAnswer.Status {
        let backend = await self.service.status()
        let process = ProcessStatistics.current()
        let processors = ProcessStatistics.processors
        var status = KESAnswer.Status()
        status.version = self.version
        status.operatingSystem = Self.operatingSystem
        status.architecture = Self.architecture
        status.uptime = ContinuousClock.now - self.began
        status.processorCount = processors.all
        status.usableProcessorCount = processors.usable
        status.heapByteCount = process.heapByteCount
        status.stackByteCount = process.stackByteCount ?? 0
        switch backend.reachability {
        case .reachable(let latency): status.keyStore = .reachable(latency: latency)
        case .unreachable: status.keyStore = .unreachable
        }
        status.keyside = self.agentStatus(backend)
        return status
    }

    /// As Go names them, which KES's clients expect.
    private static let operatingSystem = "linux"
    #if arch(x86_64)
    private static let architecture = "amd64"
    #elseif arch(arm64)
    private static let architecture = "arm64"
    #else
    private static let architecture = "unknown"
    #endif
}
