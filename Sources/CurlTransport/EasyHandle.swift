// SPDX-License-Identifier: Apache-2.0

import CCurl
import Cryptography
import Glibc
import LockedMemory

/// A libcurl easy handle: set up once, then used for one transfer after the other.
///
/// The owner runs the transfer between ``begin(_:needsOwnConnection:)`` and ``finish(_:)``, on one thread at a time. A
/// class, because libcurl keeps a pointer to it.
@safe final class EasyHandle {
    let pointer: UnsafeMutableRawPointer
    private var url: RequestURL
    private var method: Transfer.Method?
    /// Whether the transfer got a connection to send its request on.
    private(set) var requestWasSent = false
    /// Whether the request was held back because its connection is busy with another transfer.
    private(set) var wasTurnedAway = false
    /// Checked before a connection is used. Nil if libcurl itself uses each connection for one transfer at a time.
    var busyConnections: BusyConnections?
    private var connection: BusyConnections.Connection?

    private let memory: SecretMemory
    private let tls: ClientTLS?
    private let httpVersion: Int
    /// CURL_ERROR_SIZE bytes for libcurl's description of a failure; empty if there is none.
    let errorText: UnsafeMutablePointer<CChar>
    /// The request's header fields that are ours.
    private var fields: UnsafeMutablePointer<curl_slist>
    /// The content type among ``fields``.
    private var contentType: String?

    private var answer: AnswerBuilder?
    /// Why the answer is rejected.
    private(set) var refusal: TransferFailure.Kind?
    /// The result of OpenSSL's check of the server's certificate.
    var peerCheck = PeerCheck()
    /// Opens the sockets of the handle's connections. Nil: libcurl opens them.
    var opener: MultiHandle?
    /// The errno of a failed socket(2).
    var socketRefusal: CInt?
    /// The count when the transfer began.
    private var refusalsBefore = RefusedAllocations.onThisThread
    /// Whether any allocation on the engine's thread failed during the transfer, possibly another transfer's. If so, a
    /// failure of this transfer proves nothing about the server.
    var wasRefusedMemory: Bool { RefusedAllocations.onThisThread != self.refusalsBefore }

    /// - Parameters:
    ///   - tls: nil for plain HTTP.
    ///   - httpVersion: `CURL_HTTP_VERSION_…`.
    /// - Throws: `.noMemory`.
    init(tls: ClientTLS?, httpVersion: Int, memory: SecretMemory) throws(TransferFailure) {
        let url = try RequestURL()
        let fields = try unsafe Self.makeFields(contentType: nil)
        guard let pointer = unsafe curl_easy_init() else {
            unsafe curl_slist_free_all(fields)
            throw .noMemory
        }
        unsafe self.pointer = pointer
        self.url = url
        unsafe self.fields = fields
        self.memory = memory
        self.tls = tls
        self.httpVersion = httpVersion
        unsafe self.errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe self.errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        try self.setUp()
        if tls != nil { self.setUpTLS() }
    }

    deinit {
        unsafe curl_easy_cleanup(self.pointer)
        unsafe curl_slist_free_all(self.fields)
        unsafe self.errorText.deallocate()
    }

    /// - Throws: `.noMemory`.
    private static func makeFields(
        contentType: String?
    ) throws(TransferFailure) -> UnsafeMutablePointer<curl_slist> {
        // libcurl would announce a body of more than 1 MiB and wait for permission to send it.
        guard let fields = unsafe curl_slist_append(nil, "Expect:") else { throw .noMemory }
        // Without a value, libcurl sends no such field; without the field, that of an HTML form.
        guard unsafe curl_slist_append(fields, "Content-Type:" + (contentType.map { " " + $0 } ?? "")) != nil else {
            unsafe curl_slist_free_all(fields)
            throw .noMemory
        }
        return unsafe fields
    }

    private func setUp() throws(TransferFailure) {
        let itself = unsafe Unmanaged.passUnretained(self).toOpaque()
        self.set(CURLOPT_NOSIGNAL, to: 1)
        unsafe self.set(CURLOPT_CURLU, to: UnsafeRawPointer(self.url.pointer))
        self.set(CURLOPT_HTTP_VERSION, to: self.httpVersion)
        try self.set(CURLOPT_PROTOCOLS_STR, to: self.tls == nil ? "http" : "https")
        // No proxy, even if the environment names one: requests go directly to the key server.
        try self.set(CURLOPT_PROXY, to: "")
        try self.set(CURLOPT_NOPROXY, to: "*")  // Without, each transfer looks for it in the environment.
        // One for every transfer, in locked memory; answers are short. Over HTTP/2, libcurl 7.88 forgets a transfer whose
        // buffer is shorter than a frame.
        self.set(CURLOPT_BUFFERSIZE, to: self.httpVersion == CURL_HTTP_VERSION_1_1 ? 4096 : 16384)
        self.set(CURLOPT_UPLOAD_BUFFERSIZE, to: 16384)
        unsafe self.set(CURLOPT_HTTPHEADER, to: self.fields)
        unsafe self.set(CURLOPT_ERRORBUFFER, to: self.errorText)
        unsafe self.set(CURLOPT_WRITEDATA, to: itself)
        unsafe keyside_curl_on_data(self.pointer) { bytes, size, count, context in
            guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
            let start = unsafe UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self)
            let isTaken = unsafe EasyHandle.at(context).receive(Span(_unsafeStart: start, count: size * count))
            return isTaken ? size * count : 0
        }
        unsafe self.set(CURLOPT_PREREQDATA, to: itself)
        unsafe keyside_curl_on_request(self.pointer) { context, _, _, _, _ in
            guard let context = unsafe context else { return CURL_PREREQFUNC_ABORT }
            return unsafe EasyHandle.at(context).mayBeSent() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
        }
    }

    private func setUpTLS() {
        self.set(CURLOPT_SSLVERSION, to: Int(CURL_SSLVERSION_TLSv1_2))
        self.set(CURLOPT_SSL_VERIFYPEER, to: 1)
        self.set(CURLOPT_SSL_VERIFYHOST, to: 2)
        // ``prepare(_:)`` installs the trusted certificates. With these options libcurl would parse the system's bundle
        // for every connection.
        unsafe self.set(CURLOPT_CAINFO, to: nil)
        unsafe self.set(CURLOPT_CAPATH, to: nil)
        unsafe self.set(CURLOPT_SSL_CTX_DATA, to: Unmanaged.passUnretained(self).toOpaque())
        unsafe keyside_curl_on_tls(self.pointer) { _, context, itself in
            guard let context = unsafe context, let itself = unsafe itself else { return CURLE_ABORTED_BY_CALLBACK }
            let isReady = unsafe EasyHandle.at(itself).prepare(OpaquePointer(context))
            return isReady ? CURLE_OK : CURLE_ABORTED_BY_CALLBACK
        }
    }

    static func at(_ context: UnsafeMutableRawPointer) -> EasyHandle {
        unsafe Unmanaged<EasyHandle>.fromOpaque(context).takeUnretainedValue()
    }

    // MARK: A transfer

    /// Sets up the next transfer. `transfer` must outlive the run, because its body is not copied.
    ///
    /// - Parameter needsOwnConnection: whether the transfer must not use an existing connection.
    /// - Throws: `.noMemory`.
    func begin(_ transfer: borrowing Transfer, needsOwnConnection: Bool) throws(TransferFailure) {
        self.refusalsBefore = RefusedAllocations.onThisThread
        self.answer = AnswerBuilder(for: transfer, in: self.memory)
        try self.url.change(to: transfer.endpoint, transfer.path)
        switch transfer.body {
        case .some(let body):
            unsafe body.value.withUnsafeBytes { bytes in
                unsafe keyside_curl_set_offset(self.pointer, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
                unsafe self.set(CURLOPT_POSTFIELDS, to: bytes.baseAddress)
            }
        case .none:
            self.set(CURLOPT_HTTPGET, to: 1)
        }
        if transfer.method != self.method {
            try self.set(CURLOPT_CUSTOMREQUEST, to: transfer.method.rawValue)
            self.method = transfer.method
        }
        if transfer.contentType != self.contentType { try self.changeContentType(to: transfer.contentType) }
        self.set(CURLOPT_FRESH_CONNECT, to: needsOwnConnection ? 1 : 0)
    }

    /// libcurl does not copy the list: the old one is released once libcurl has the new one.
    private func changeContentType(to contentType: String?) throws(TransferFailure) {
        let old = unsafe self.fields
        unsafe self.fields = try Self.makeFields(contentType: contentType)
        self.contentType = contentType
        unsafe self.set(CURLOPT_HTTPHEADER, to: self.fields)
        unsafe curl_slist_free_all(old)
    }

    /// Takes what the run has left. To be followed by ``reset()``.
    func finish(_ code: CURLcode) throws(TransferFailure) -> TransferAnswer {
        guard code == CURLE_OK, let builder = self.answer.take() else { throw self.failure(code) }
        let body: AnswerBody
        do {
            body = try builder.finish()
        } catch {
            throw .noMemory
        }
        return TransferAnswer(
            status: self.information(CURLINFO_RESPONSE_CODE),
            httpVersion: self.information(CURLINFO_HTTP_VERSION) == CURL_HTTP_VERSION_2_0 ? .http2 : .http1,
            body: body
        )
    }

    /// Clears the transfer, completed or not. It must be removed from libcurl's multi handle before.
    func reset() {
        unsafe self.set(CURLOPT_POSTFIELDS, to: nil)
        unsafe self.errorText.pointee = 0
        self.answer = nil
        self.refusal = nil
        self.socketRefusal = nil
        self.requestWasSent = false
        self.wasTurnedAway = false
        self.leaveConnection()
        self.peerCheck = PeerCheck()
    }

    /// Prepares the SSL_CTX of a connection before its handshake. Each connection has its own.
    private func prepare(_ context: OpaquePointer) -> Bool {
        guard let tls = self.tls, unsafe tls.install(in: context) else { return false }
        unsafe PeerCheck.watch(context, for: self)
        return true
    }

    func openSocket(_ family: CInt, _ type: CInt, _ protocolNumber: CInt) -> CInt {
        guard let socket = self.opener?.open(family, type, protocolNumber, for: self) else { return CURL_SOCKET_BAD }
        if socket < 0 { self.socketRefusal = errno }
        return socket
    }

    /// Called when there is a connection; a second time if the first connection has broken.
    private func mayBeSent() -> Bool {
        self.leaveConnection()
        if let busyConnections = self.busyConnections, let connection = self.exclusiveConnection {
            guard busyConnections.occupy(connection) else {
                self.wasTurnedAway = true
                return false
            }
            self.connection = connection
        }
        self.requestWasSent = true
        return true
    }

    private func leaveConnection() {
        if let connection = self.connection.take() { self.busyConnections?.release(connection) }
    }

    /// - Returns: false to abort the transfer.
    private func receive(_ bytes: Span<UInt8>) -> Bool {
        do {
            self.answer = try self.answer.take()?.appending(bytes)
            if self.answer != nil { return true }
            self.refusal = .answerTooLarge
        } catch {
            self.refusal = .noMemory
        }
        return false
    }

    // MARK: libcurl's options

    func set(_ option: CURLoption, to value: Int) {
        unsafe keyside_curl_set_long(self.pointer, option, value)
    }

    /// libcurl copies the text.
    ///
    /// - Throws: `.noMemory`.
    func set(_ option: CURLoption, to text: String) throws(TransferFailure) {
        guard unsafe keyside_curl_set_text(self.pointer, option, text) == CURLE_OK else { throw .noMemory }
    }

    /// The memory behind the pointer must outlive its use by libcurl.
    @unsafe func set(_ option: CURLoption, to pointer: UnsafeRawPointer?) {
        unsafe keyside_curl_set_pointer(self.pointer, option, pointer)
    }

    func information(_ info: CURLINFO) -> Int {
        var value = 0
        unsafe keyside_curl_get_long(self.pointer, info, &value)
        return value
    }
}
