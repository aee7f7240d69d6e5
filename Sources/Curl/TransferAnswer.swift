// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// What a server answered, whatever its status.
package struct TransferAnswer: ~Copyable, Sendable {
    package enum HTTPVersion: Sendable {
        case http1
        case http2
    }

    package let status: Int
    /// The field as it came, parameters included: `application/json`.
    package let contentType: String?
    /// From now on, whether the server said it in seconds or as a date.
    package let retryAfter: Duration?
    package let httpVersion: HTTPVersion
    /// In locked memory, since it may hold a plaintext.
    package let body: Secret

    package init(
        status: Int, contentType: String?, retryAfter: Duration?, httpVersion: HTTPVersion, body: consuming Secret
    ) {
        self.status = status
        self.contentType = contentType
        self.retryAfter = retryAfter
        self.httpVersion = httpVersion
        self.body = body
    }
}
