// SPDX-License-Identifier: Apache-2.0

import CCurl

/// The URL of an easy handle, parsed by libcurl once and reused as long as it stays the same.
///
/// From text, libcurl would parse and rebuild it for each transfer, a seventh of its time.
@safe struct RequestURL: ~Copyable {
    /// For `CURLOPT_CURLU`. Transfers only read it; it may change between them.
    let pointer: OpaquePointer
    private var endpoint = ""
    private var path = ""

    /// - Throws: `.noMemory`.
    init() throws(TransferFailure) {
        guard let pointer = unsafe curl_url() else { throw .noMemory }
        unsafe self.pointer = pointer
    }

    deinit { unsafe curl_url_cleanup(self.pointer) }

    /// - Parameters:
    ///   - endpoint: see ``Transfer/endpoint``.
    ///   - path: see ``Transfer/path``.
    /// - Throws: `.noMemory`; `.broken` if libcurl cannot parse the URL.
    mutating func change(to endpoint: String, _ path: String) throws(TransferFailure) {
        guard endpoint != self.endpoint || path != self.path else { return }
        let code = unsafe curl_url_set(self.pointer, CURLUPART_URL, endpoint + path, 0)
        guard code != CURLUE_OUT_OF_MEMORY else { throw .noMemory }
        guard code == CURLUE_OK else {
            throw TransferFailure(
                .broken, reason: unsafe String(cString: curl_url_strerror(code)), requestWasSent: false)
        }
        self.endpoint = endpoint
        self.path = path
    }
}
