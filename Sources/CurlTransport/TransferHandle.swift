// SPDX-License-Identifier: Apache-2.0

import CCurl

/// An easy handle of a pool, and the flight that it carries at present.
final class TransferHandle {
    let easy: EasyHandle
    var load: Assignment?

    struct Assignment {
        let pending: PendingTransfer
        let queue: EndpointQueue
        /// When the flight ends at the latest: at its own deadline, unless it may be lost.
        var deadline: ContinuousClock.Instant
    }

    init(_ easy: EasyHandle) {
        self.easy = easy
        unsafe easy.set(CURLOPT_PRIVATE, to: Unmanaged.passUnretained(self).toOpaque())
    }

    /// The transfer handle of a libcurl handle.
    static func of(_ handle: UnsafeMutableRawPointer) -> TransferHandle? {
        var stored: UnsafePointer<CChar>?
        unsafe keyside_curl_get_text(handle, CURLINFO_PRIVATE, &stored)
        return unsafe stored.map { unsafe Unmanaged<TransferHandle>.fromOpaque($0).takeUnretainedValue() }
    }
}
