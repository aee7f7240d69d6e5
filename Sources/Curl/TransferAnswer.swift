// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// What a server answered, whatever its status.
package struct TransferAnswer: ~Copyable, Sendable {
    package enum HTTPVersion: Sendable {
        case http1
        case http2
    }

    package let status: Int
    package let httpVersion: HTTPVersion
    /// In locked memory, since it may hold a plaintext.
    package let body: Secret

    package init(status: Int, httpVersion: HTTPVersion, body: consuming Secret) {
        self.status = status
        self.httpVersion = httpVersion
        self.body = body
    }
}
