// SPDX-License-Identifier: Apache-2.0

import CCurl
package import LockedMemory

/// Asks one question after the other over one connection to a Unix socket.
///
/// Blocks its caller, which is a command line with nothing else to do. Not to be shared between threads.
package final class UnixSocketSession {
    private let handle: EasyHandle
    private let timeout: Duration
    private let answerByteCountMax: Int

    /// - Parameters:
    ///   - timeout: for each request as a whole.
    ///   - answerByteCountMax: the longest answer.
    /// - Throws: `.noMemory`.
    package init(
        socketPath: String, timeout: Duration, answerByteCountMax: Int = 2 << 20, memory: SecretMemory
    ) throws(TransferFailure) {
        do throws(CurlSetupError) {
            try CurlLibrary.install(memory)
        } catch {
            throw .noMemory
        }
        self.handle = try EasyHandle(tls: nil, httpVersion: Int(CURL_HTTP_VERSION_1_1), memory: memory)
        self.timeout = timeout
        self.answerByteCountMax = answerByteCountMax
        try self.handle.set(CURLOPT_UNIX_SOCKET_PATH, to: socketPath)
        self.handle.set(CURLOPT_TIMEOUT_MS, to: Int(timeout / .milliseconds(1)))
    }

    /// Sends a request and waits for its answer.
    ///
    /// - Parameter isRepeatable: see ``Transfer/isRepeatable``.
    /// - Throws: ``TransferFailure``.
    package func perform(
        _ method: Transfer.Method, _ path: String, body: consuming Secret? = nil, isRepeatable: Bool
    ) throws(TransferFailure) -> TransferAnswer {
        let shared: SharedSecret?
        switch consume body {
        case .some(let body): shared = SharedSecret(body)
        case .none: shared = nil
        }
        let transfer = Transfer(
            method, "http://keyside", path, body: shared, contentType: "application/json",
            answerByteCountMax: self.answerByteCountMax, deadline: .now + self.timeout, isRepeatable: isRepeatable)
        defer {
            self.handle.reset()
            extendLifetime(transfer)
        }
        try self.handle.begin(transfer, needsOwnConnection: false)
        return try self.handle.finish(unsafe curl_easy_perform(self.handle.pointer))
    }
}
