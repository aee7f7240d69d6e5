// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Numbered places in locked memory for small, long-lived secrets: those of a cache.
///
/// A place is `placeByteCount` bytes: up to `payloadByteCountMax` bytes of the secret, then a canary of 8 bytes. Pages
/// need physical memory from their first use. Invariants:
/// 1. An empty place is all zeros.
/// 2. A place has one owner at a time. The owner calls ``store(_:at:)``, ``open(_:byteCount:in:)`` and ``empty(_:)``
///    for it, one after the other: the vault has no lock.
/// 3. The owners know which places are in use and how long each secret is: the region contains only secrets.
@safe package final class SecretVault: Sendable {
    /// Maximum length of a secret in a place: a data key.
    package static let payloadByteCountMax = 32
    /// Bytes per place, including the canary.
    package static let placeByteCount = payloadByteCountMax + Canary.byteCount

    /// Number of places.
    package let capacity: Int
    package let kind: LockedMemoryKind
    /// Locked bytes, guard pages excluded.
    package let lockedByteCount: Int

    private let region: LockedRegion
    /// Constant from `init` to `deinit`; see invariant 2.
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer

    /// - Throws: `.cannotLock`; see ``LockedRegion``.
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

    /// Copies a secret into a place, empty or not.
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

    /// A copy of the secret in a place. May use the reserve of the arena, so it must end before its caller suspends.
    ///
    /// - Parameter byteCount: the length of the stored secret.
    /// - Throws: `.exhausted` if there is no room for the copy.
    package func open(
        _ place: Int, byteCount: Int, in memory: SecretMemory
    ) throws(LockedMemoryError) -> Secret {
        let address = unsafe self.address(of: place)
        unsafe Canary.check(at: address + Self.payloadByteCountMax)
        return try Secret(
            copying: unsafe Span(_unsafeStart: address.assumingMemoryBound(to: UInt8.self), count: byteCount),
            in: memory, mayUseReserve: true)
    }

    /// Whether the secret in a place equals another one. Takes a time that depends only on the length, which is not
    /// secret.
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
