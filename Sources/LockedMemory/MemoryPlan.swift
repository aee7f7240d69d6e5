// SPDX-License-Identifier: Apache-2.0

/// How the memory that may be locked is divided: so much for the cache, for slots, and for each ``MemoryShare``.
///
/// Each share has a minimum, without which the agent does not start. What is left beyond the minimums goes to the shares by
/// weight, up to a maximum each; the rest goes to requests.
package struct MemoryPlan: Equatable, Sendable {
    /// What the division depends on.
    package struct Needs: Equatable, Sendable {
        /// Data keys that the cache may hold; 0 if it is turned off.
        package var cacheEntries: Int
        /// Threads that serve clients.
        package var loopCount: Int
        /// Whether there is a TLS listener.
        package var servesTLS: Bool

        package init(cacheEntries: Int, loopCount: Int, servesTLS: Bool) {
            self.cacheEntries = cacheEntries
            self.loopCount = loopCount
            self.servesTLS = servesTLS
        }
    }

    /// The locked memory is less than the minimums come to.
    package struct TooSmall: Error, Equatable {
        /// Bytes that would do.
        package let byteCountNeeded: Int
    }

    /// Secrets of up to 56 bytes at a time.
    package let slotCount: Int
    /// For the data keys of the cache.
    package let vaultByteCount: Int
    private let loopCount: Int
    private var shares: InlineArray<6, Int>

    /// Bytes of a share, whole pages.
    package subscript(_ share: MemoryShare) -> Int { self.shares[Int(share.rawValue)] }

    /// All of it, guard pages included: what counts against `RLIMIT_MEMLOCK`.
    package var byteCount: Int {
        MemoryShare.allCases.reduce(Self.region(self.slotCount * Self.slotByteCount)) { $0 + Self.region(self[$1]) }
            + (self.vaultByteCount > 0 ? Self.region(self.vaultByteCount) : 0)
    }

    // MARK: What it is enough for

    /// Requests to key servers at a time, each on a connection of its own.
    package var upstreamRequests: Int { max(1, (self[.own] - Self.ownBaseByteCount) / Self.upstreamRequestByteCount) }

    /// TLS connections whose state is in locked memory. Further ones have theirs in ordinary memory.
    package var lockedTLSConnections: Int { self[.clients] / Self.tlsConnectionByteCount }

    /// Connections for each thread that may keep the buffers of their records between two records.
    package var keptBuffersPerLoop: Int {
        max(0, (self[.records] / self.loopCount - 2 * Self.recordBuffersByteCount) / Self.recordBuffersByteCount)
    }

    // As measured with OpenSSL 3.0 and libcurl 7.88, and rounded up.

    /// libcurl, OpenSSL and the credentials without a connection: 690 KiB. The rest is for probes of key servers and for
    /// credentials that are being replaced.
    private static let ownBaseByteCount = 896 << 10
    /// A connection to a key server takes 48 KiB with its transfer, and up to 100 in its handshake or with a long body; an
    /// HTTP/2 stream takes 40.
    private static let upstreamRequestByteCount = 120 << 10
    /// An idle connection of the TLS listener takes 15.4 KiB, with a client certificate some 3 more. What nghttp2 keeps for
    /// HTTP/2, 25 KiB, is in ordinary memory.
    private static let tlsConnectionByteCount = 19 << 10
    /// What OpenSSL reads and writes the records of a connection in.
    private static let recordBuffersByteCount = 22 << 10

    package static func == (left: Self, right: Self) -> Bool {
        left.slotCount == right.slotCount && left.vaultByteCount == right.vaultByteCount
            && MemoryShare.allCases.allSatisfy { left[$0] == right[$0] }
    }

    // MARK: Division

    /// - Parameter total: bytes that may be locked, guard pages included.
    /// - Throws: ``TooSmall``
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

    /// Shares of given lengths, for commands and tests.
    package init(
        slotCount: Int, own: Int, requests: Int, transit: Int = 0, smallTransit: Int = 0, clients: Int = 0,
        records: Int = 0
    ) {
        self.slotCount = slotCount
        self.vaultByteCount = 0
        self.loopCount = 1
        self.shares = [own, requests, transit, smallTransit, clients, records]
    }

    /// How much of a share the plan gives.
    private struct Rule {
        var minimum: Int
        /// What of the spare memory it takes, beside the others' weights.
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
                // Each loop holds one buffer for input and one for output.
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

    package static let defaultSlotCount = 4096
    private static let slotByteCount = 64
    private static var pageByteCount: Int { LockedRegion.pageByteCount }

    /// What a region takes, guard pages included.
    private static func region(_ byteCount: Int) -> Int {
        (max(byteCount, 1) + Self.pageByteCount - 1) / Self.pageByteCount * Self.pageByteCount + 2 * Self.pageByteCount
    }

    private static func wholePages(_ byteCount: Int) -> Int { byteCount / Self.pageByteCount * Self.pageByteCount }
}
