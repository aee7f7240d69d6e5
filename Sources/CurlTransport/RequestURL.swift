// SPDX-License-Identifier: Apache-2.0

import CCurl

/// The URL of an easy handle, taken apart by libcurl: once, as long as the handle asks for the same.
///
/// Given as text, libcurl would parse it anew for each transfer and write it out again, which takes it a seventh of its
/// time.
@safe struct RequestURL: ~Copyable {
    /// For `CURLOPT_CURLU`. Transfers only read it, and it may change between them.
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
    /// - Throws: `.noMemory`; `.broken` where libcurl takes it for no URL.
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
