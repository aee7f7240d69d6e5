// SPDX-License-Identifier: Apache-2.0

package import CurlTransport

/// The connections to key servers that use one set of credentials: libcurl's, or a test's script.
package protocol ClusterTransport: Sendable {
    /// Sends a request to one endpoint, once. Cancelling the task ends it.
    func perform(_ transfer: consuming Transfer) async throws(TransferFailure) -> TransferAnswer

    /// Takes no more transfers: later ones fail with `.retired`. Those in flight end as usual.
    func retire()
}

extension ConnectionPool: ClusterTransport {}
