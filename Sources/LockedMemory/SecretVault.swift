// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Numbered places in locked memory for small secrets that stay: those of a cache.
///
/// A place is `placeByteCount` bytes: up to `payloadByteCountMax` of the secret, then a canary of 8 bytes. Pages take
/// memory when they are first used. Rules:
/// 1. An empty place is all zeroes.
/// 2. A place has one owner at a time, which calls ``store(_:at:)``, ``open(_:byteCount:in:)`` and ``empty(_:)`` for it,
///    one after the other: the vault has no lock.
/// 3. Which places are in use, and how long each secret is, is kept by the owners: the region holds nothing but secrets.
@safe package final class SecretVault: Sendable {
    /// The longest secret that has a place: a data key.
    package static let payloadByteCountMax = 32
    package static let placeByteCount = payloadByteCountMax + Canary.byteCount

    package let capacity: Int
    package let kind: LockedMemoryKind
    package let lockedByteCount: Int

    private let region: LockedRegion
    /// Constant from `init` to `deinit`; rule 2 says who may look where.
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer

    /// - Throws: `.cannotLock`, see ``LockedRegion``.
    init(capacity: Int, allowUnlocked: Bool) throws(LockedMemoryError) {
        precondition(capacity > 0)
        let region = try LockedRegion(
            byteCount: capacity * Self.placeByteCount, comesWhenTouched: true, allowUnlocked: allowUnlocked)
        guard let base = unsafe region.bytes.baseAddress else { throw .exhausted }
        unsafe self.base = base
        self.capacity = capacity
        self.kind = region.kind
        self.lockedByteCount = unsafe region.bytes.count
        self.region = region
    }

    /// Puts a copy of a secret into a place, empty or not.
    ///
    /// - Precondition: the secret has at most ``payloadByteCountMax`` bytes.
    package func store(_ secret: borrowing Secret, at place: Int) {
        precondition(secret.byteCount <= Self.payloadByteCountMax, "a secret that has no room in the vault")
        let address = unsafe self.address(of: place)
        unsafe keyside_wipe(address, Self.placeByteCount)
        unsafe secret.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            unsafe address.copyMemory(from: start, byteCount: bytes.count)
        }
        unsafe Canary.plant(at: address + Self.payloadByteCountMax)
    }

    /// A copy of the secret in a place, which may come from the reserve of the arena: it must end before its caller waits.
    ///
    /// - Parameter byteCount: as long as it was when it was stored.
    /// - Throws: `.exhausted` when there is no room for the copy.
    package func open(
        _ place: Int, byteCount: Int, in memory: SecretMemory
    ) throws(LockedMemoryError) -> Secret {
        let address = unsafe self.address(of: place)
        unsafe Canary.check(at: address + Self.payloadByteCountMax)
        return try Secret(
            copying: unsafe Span(_unsafeStart: address.assumingMemoryBound(to: UInt8.self), count: byteCount),
            in: memory, mayUseReserve: true)
    }

    /// Whether the secret in a place equals another. The time depends on the length alone, which is not secret.
    ///
    /// - Parameter byteCount: the length of the stored secret.
    package func holds(_ other: borrowing Secret, at place: Int, byteCount: Int) -> Bool {
        guard byteCount == other.byteCount else { return false }
        let address = unsafe self.address(of: place)
        unsafe Canary.check(at: address + Self.payloadByteCountMax)
        let bytes = unsafe Span(_unsafeStart: address.assumingMemoryBound(to: UInt8.self), count: byteCount)
        return other.isEqual(to: bytes)
    }

    /// Wipes a place, empty or not.
    package func empty(_ place: Int) {
        let address = unsafe self.address(of: place)
        let isEmpty = unsafe (address + Self.payloadByteCountMax).load(as: UInt64.self) == 0
        if !isEmpty { unsafe Canary.check(at: address + Self.payloadByteCountMax) }
        unsafe keyside_wipe(address, Self.placeByteCount)
    }

    /// Wipes places, empty or not.
    package func empty(_ places: Range<Int>) {
        guard !places.isEmpty else { return }
        precondition(
            places.lowerBound >= 0 && places.upperBound <= self.capacity, "places that the vault does not have")
        for place in places {
            let canary = unsafe self.address(of: place) + Self.payloadByteCountMax
            if unsafe canary.load(as: UInt64.self) != 0 { unsafe Canary.check(at: canary) }
        }
        unsafe keyside_wipe(self.address(of: places.lowerBound), places.count * Self.placeByteCount)
    }

    private func address(of place: Int) -> UnsafeMutableRawPointer {
        precondition((0..<self.capacity).contains(place), "a place that the vault does not have")
        return unsafe self.base + place * Self.placeByteCount
    }
}
