// SPDX-License-Identifier: Apache-2.0

/// The flights of one pool to one endpoint: some on lanes, the others waiting for their turn, first come, first served.
///
/// libcurl has a queue of its own, which this keeps empty: deadlines do not reach into it, and each transfer in it tries
/// a dead endpoint anew, one connect timeout after the other.
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

    /// All of them.
    var transfers: [PendingTransfer] { self.waiting + self.handles.compactMap { $0.load?.pending } }

    func append(_ pending: PendingTransfer) { self.waiting.append(pending) }

    /// Takes out the flight whose turn it is, if there is room for it.
    ///
    /// Where connections are shared, the first goes alone until it has one, which the others then join.
    func next() -> PendingTransfer? {
        guard !self.waiting.isEmpty else { return nil }
        let room =
            switch self.sharing {
            case .oneByOne: self.requestCountMax
            case .multiplexed: self.isConnected ? self.requestCountMax : 1
            }
        return self.handles.count < room ? self.waiting.removeFirst() : nil
    }

    /// Takes out those that `isTaken` says, whosever turn it is.
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

    /// Whether a flight has a connection to the endpoint at present.
    var isConnected: Bool { self.handles.contains { $0.easy.requestWasSent } }
}
