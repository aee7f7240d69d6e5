// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// One HTTP request, sent once: performing it consumes it.
package struct Transfer: ~Copyable, Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    package let method: Method
    /// Scheme, host and port: `https://kes-1:7373`. Connections are counted and shared by endpoint.
    package let endpoint: String
    /// Path and query, percent-encoded: `/v1/key/decrypt/my-key`. Never holds a secret.
    package let path: String
    /// libcurl reads it where it lies, so it lives as long as the transfer. Nil: no body and no length of one.
    package let body: SharedSecret?
    /// The value of Content-Type, also where there is no body. Nil: the field is not sent.
    package let contentType: String?
    /// The longest body an answer may have.
    package let answerByteCountMax: Int
    /// Bytes reserved for the answer when its first byte arrives. A longer answer is moved as it grows.
    package let answerByteCountExpected: Int
    /// Whether the answer must be kept in locked memory.
    package let answerIsSecret: Bool
    /// When the transfer fails, in every phase: waiting for a connection, sending, receiving.
    package let deadline: ContinuousClock.Instant
    /// Maximum time for name resolution, connection and handshake together, if less than the engine's. Nil: the
    /// engine's.
    package let connectTimeout: Duration?
    /// Whether the server may receive the request twice.
    ///
    /// A server may close a kept-alive connection just as a request is sent on it. libcurl then sends the request
    /// again, without knowing whether the server has processed it. So a request that is not repeatable gets a new
    /// connection of its own, and HTTP/1.1, so that no other transfer shares it.
    package let isRepeatable: Bool

    package init(
        _ method: Method,
        _ endpoint: String,
        _ path: String,
        body: SharedSecret? = nil,
        contentType: String? = nil,
        answerByteCountMax: Int,
        answerByteCountExpected: Int = 512,
        answerIsSecret: Bool = true,
        deadline: ContinuousClock.Instant,
        connectTimeout: Duration? = nil,
        isRepeatable: Bool
    ) {
        self.method = method
        self.endpoint = endpoint
        self.path = path
        self.body = body
        self.contentType = contentType
        self.answerByteCountMax = answerByteCountMax
        self.answerIsSecret = answerIsSecret
        self.answerByteCountExpected = min(answerByteCountExpected, answerByteCountMax)
        self.deadline = deadline
        self.connectTimeout = connectTimeout
        self.isRepeatable = isRepeatable
    }
}
