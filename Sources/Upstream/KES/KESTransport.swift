// SPDX-License-Identifier: Apache-2.0

package import CurlTransport

/// The way to key servers, with one set of credentials: connections of libcurl's, or a test's script.
package protocol KESTransport: Sendable {
    /// Sends a request to one endpoint, once. Cancelling the task ends it.
    func perform(_ transfer: consuming Transfer) async throws(TransferFailure) -> TransferAnswer

    /// Takes no more: whatever is under way ends as it would have.
    func retire()
}

extension ConnectionPool: KESTransport {}
