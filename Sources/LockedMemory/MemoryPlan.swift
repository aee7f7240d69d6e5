// SPDX-License-Identifier: Apache-2.0

/// The division of the lockable memory: the cache, slots, and each ``MemoryShare``.
///
/// Each share has a minimum, without which the agent does not start. The rest is distributed by weight, up to a maximum
/// per share; what remains goes to requests.
package struct MemoryPlan: Equatable, Sendable {
    /// What the division depends on.
    package struct Needs: Equatable, Sendable {
        /// Maximum number of cached data keys; 0 if the cache is off.
        package var cacheEntries: Int
        /// Number of serving threads.
        package var loopCount: Int
        /// Whether there is a TLS listener.
        package var servesTLS: Bool

        package init(cacheEntries: Int, loopCount: Int, servesTLS: Bool) {
            self.cacheEntries = cacheEntries
            self.loopCount = loopCount
            self.servesTLS = servesTLS
        }
    }

    /// The lockable memory is less than the sum of the minimums.
    package struct TooSmall: Error, Equatable {
        /// Bytes that would be enough.
        package let byteCountNeeded: Int
    }

    /// Number of slots for secrets of up to 56 bytes.
    package let slotCount: Int
    /// Bytes for the cache's data keys.
    package let vaultByteCount: Int
    private let loopCount: Int
    private var shares: InlineArray<6, Int>

    /// Bytes of a share, whole pages.
    package subscript(_ share: MemoryShare) -> Int { self.shares[Int(share.rawValue)] }

    /// Total bytes, including guard pages, as counted against `RLIMIT_MEMLOCK`.
    package var byteCount: Int {
        MemoryShare.allCases.reduce(Self.region(self.slotCount * Self.slotByteCount)) { $0 + Self.region(self[$1]) }
            + (self.vaultByteCount > 0 ? Self.region(self.vaultByteCount) : 0)
    }

    // MARK: Capacity

    /// Maximum number of concurrent requests to key servers, each on its own connection.
    package var upstreamRequests: Int { max(1, (self[.own] - Self.ownBaseByteCount) / Self.upstreamRequestByteCount) }

    /// Number of TLS connections whose state fits into locked memory. Others use ordinary memory.
    package var lockedTLSConnections: Int { self[.clients] / Self.tlsConnectionByteCount }

    /// Number of connections per thread that may keep their record buffers between records.
    package var keptBuffersPerLoop: Int {
        max(0, (self[.records] / self.loopCount - 2 * Self.recordBuffersByteCount) / Self.recordBuffersByteCount)
    }

    // MARK: Costs, measured with OpenSSL 3.0 and libcurl 7.88, and rounded up

    /// libcurl, OpenSSL and the credentials without a connection need 690 KiB. The rest is for probes of key servers
    /// and for credentials during a reload.
    private static let ownBaseByteCount = 896 << 10
    /// A connection to a key server needs 48 KiB with its transfer, and up to 100 KiB during its handshake or with a
    /// long body. An HTTP/2 stream needs 40 KiB.
    private static let upstreamRequestByteCount = 120 << 10
    /// An idle connection of the TLS listener needs 15.4 KiB, plus about 3 KiB with a client certificate. nghttp2's 25
    /// KiB are in ordinary memory.
    private static let tlsConnectionByteCount = 19 << 10
    /// OpenSSL's buffers for reading and writing records.
    private static let recordBuffersByteCount = 22 << 10

    package static func == (left: Self, right: Self) -> Bool {
        left.slotCount == right.slotCount && left.vaultByteCount == right.vaultByteCount
            && MemoryShare.allCases.allSatisfy { left[$0] == right[$0] }
    }

    // MARK: Division

    /// - Parameter total: lockable bytes, including guard pages.
    /// - Throws: ``TooSmall``.
    package init(total: Int, needs: Needs) throws(TooSmall) {
        let vaultByteCount = needs.cacheEntries * SecretVault.placeByteCount
        let rules = MemoryShare.allCases.map { Rule($0, needs) }
        let fixed =
            Self.region(Self.defaultSlotCount * Self.slotByteCount)
            + (vaultByteCount > 0 ? Self.region(vaultByteCount) : 0)
        let minimum = rules.reduce(fixed) { $0 + Self.region($1.minimum) }
        guard total >= minimum else { throw TooSmall(byteCountNeeded: minimum) }
        self.slotCount = Self.defaultSlotCount
        self.vaultByteCount = vaultByteCount
        self.loopCount = max(1, needs.loopCount)
        self.shares = InlineArray(repeating: 0)
        let spare = total - minimum
        let weights = rules.reduce(0) { $0 + $1.weight }
        for (share, rule) in zip(MemoryShare.allCases, rules) {
            let grown = rule.minimum + spare / weights * rule.weight
            self.shares[Int(share.rawValue)] = Self.wholePages(min(grown, rule.maximum))
        }
        self.shares[Int(MemoryShare.requests.rawValue)] += Self.wholePages(total - self.byteCount)
    }

    /// Shares of given sizes, for commands and tests.
    package init(
        slotCount: Int, own: Int, requests: Int, transit: Int = 0, smallTransit: Int = 0, clients: Int = 0,
        records: Int = 0
    ) {
        self.slotCount = slotCount
        self.vaultByteCount = 0
        self.loopCount = 1
        self.shares = [own, requests, transit, smallTransit, clients, records]
    }

    /// The rule for the size of a share.
    private struct Rule {
        var minimum: Int
        /// Its weight in the distribution of the rest.
        var weight: Int
        var maximum = Int.max

        init(_ share: MemoryShare, _ needs: Needs) {
            let loops = needs.loopCount
            switch share {
            case .own:
                (self.minimum, self.weight, self.maximum) = (1408 << 10, 32, 512 << 20)
            case .requests:
                (self.minimum, self.weight) = (1024 << 10, 54)
            case .transit:
                // Each loop has one buffer for input and one for output.
                (self.minimum, self.weight, self.maximum) = (loops * (48 << 10) + (64 << 10), 6, 8 << 20)
            case .smallTransit:
                (self.minimum, self.weight, self.maximum) = (64 << 10, 1, 1 << 20)
            case .clients:
                (self.minimum, self.weight, self.maximum) = (64 << 10, needs.servesTLS ? 9 : 0, 64 << 20)
            case .records:
                guard needs.servesTLS else {
                    (self.minimum, self.weight) = (MemoryPlan.pageByteCount, 0)
                    self.maximum = self.minimum
                    return
                }
                (self.minimum, self.weight) = (loops * (48 << 10), 2)
                self.maximum = loops * (256 << 10)
            }
        }
    }

    /// Number of slots in every plan that does not set it.
    package static let defaultSlotCount = 4096
    private static let slotByteCount = 64
    private static var pageByteCount: Int { LockedRegion.pageByteCount }

    /// Bytes of a region, including guard pages.
    private static func region(_ byteCount: Int) -> Int {
        (max(byteCount, 1) + Self.pageByteCount - 1) / Self.pageByteCount * Self.pageByteCount + 2 * Self.pageByteCount
    }

    private static func wholePages(_ byteCount: Int) -> Int { byteCount / Self.pageByteCount * Self.pageByteCount }
}
