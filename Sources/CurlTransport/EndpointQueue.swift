// SPDX-License-Identifier: Apache-2.0

/// The transfers of one pool to one endpoint: some on handles, the others waiting, first come, first served.
///
/// libcurl has a queue of its own, which must stay empty: it ignores deadlines, and each transfer in it tries a dead
/// endpoint again, one connect timeout after the other.
final class EndpointQueue {
    let endpoint: String
    private var waiting: [PendingTransfer] = []
    private var handles: [TransferHandle] = []
    private let sharing: PoolTraffic.Sharing
    private let requestCountMax: Int

    init(endpoint: String, sharing: PoolTraffic.Sharing, requestCountMax: Int) {
        self.endpoint = endpoint
        self.sharing = sharing
        self.requestCountMax = requestCountMax
    }

    /// All transfers, waiting and in flight.
    var transfers: [PendingTransfer] { self.waiting + self.handles.compactMap { $0.load?.pending } }

    func append(_ pending: PendingTransfer) { self.waiting.append(pending) }

    /// Removes the next transfer, if there is room for it.
    ///
    /// Over HTTP/2, the first transfer runs alone until it has a connection, which the others then share.
    func next() -> PendingTransfer? {
        guard !self.waiting.isEmpty else { return nil }
        let room =
            switch self.sharing {
            case .oneByOne: self.requestCountMax
            case .multiplexed: self.isConnected ? self.requestCountMax : 1
            }
        return self.handles.count < room ? self.waiting.removeFirst() : nil
    }

    /// Removes waiting transfers that match, regardless of their order.
    func removeWaiting(where isTaken: (PendingTransfer) -> Bool) -> [PendingTransfer] {
        let taken = self.waiting.filter(isTaken)
        if !taken.isEmpty { self.waiting.removeAll(where: isTaken) }
        return taken
    }

    func occupy(_ handle: TransferHandle) { self.handles.append(handle) }

    func vacate(_ handle: TransferHandle) {
        guard let index = self.handles.firstIndex(where: { $0 === handle }) else { return }
        self.handles.swapAt(index, self.handles.count - 1)
        self.handles.removeLast()
    }

    /// Whether a transfer has a connection to the endpoint.
    var isConnected: Bool { self.handles.contains { $0.easy.requestWasSent } }
}
