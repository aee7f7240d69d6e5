// SPDX-License-Identifier: Apache-2.0

import CCurl
import Glibc
package import LockedMemory

/// An HTTP/1.1 request to a Unix socket.
package struct SocketRequest: ~Copyable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    package let method: Method
    /// Path, percent-encoded.
    package let path: String
    /// A JSON body; it may hold a plaintext.
    package let body: Secret?

    package init(_ method: Method, _ path: String, body: consuming Secret? = nil) {
        self.method = method
        self.path = path
        self.body = body
    }
}

/// What came back, whatever its status.
package struct SocketAnswer: ~Copyable, Sendable {
    package let status: Int
    /// In locked memory, since it may hold a plaintext.
    package let body: Secret
}

/// Asks one question after the other over one connection to a Unix socket, through libcurl.
///
/// Blocks its caller, which is a command line with nothing else to do. Not to be shared between threads.
@safe package final class UnixSocketSession {
    private let handle: OpaquePointer
    private let memory: SecretMemory
    private let byteCountMax: Int

    /// - Parameters:
    ///   - timeoutMilliseconds: for each request as a whole.
    ///   - byteCountMax: the longest answer.
    /// - Throws: `.noMemory`.
    package init(
        socketPath: String, timeoutMilliseconds: Int, byteCountMax: Int = 2 << 20, memory: SecretMemory
    ) throws(CurlError) {
        guard Self.isLibraryReady, let handle = unsafe curl_easy_init() else { throw .noMemory }
        unsafe self.handle = OpaquePointer(handle)
        self.memory = memory
        self.byteCountMax = byteCountMax
        unsafe keyside_curl_set_text(handle, CURLOPT_UNIX_SOCKET_PATH, socketPath)
        unsafe keyside_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        unsafe keyside_curl_set_long(handle, CURLOPT_TIMEOUT_MS, timeoutMilliseconds)
        unsafe keyside_curl_set_text(handle, CURLOPT_PROXY, "")
    }

    deinit { unsafe curl_easy_cleanup(UnsafeMutableRawPointer(self.handle)) }

    /// curl_global_init(3), once a process.
    private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_NOTHING)) == CURLE_OK

    /// Sends a request and waits for its answer.
    package func perform(_ request: borrowing SocketRequest) throws(CurlError) -> SocketAnswer {
        let handle = unsafe UnsafeMutableRawPointer(self.handle)
        let receiver = try AnswerReceiver(byteCountMax: self.byteCountMax, memory: self.memory)
        unsafe keyside_curl_set_text(handle, CURLOPT_URL, "http://keyside" + request.path)
        unsafe keyside_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        unsafe keyside_curl_set_data_function(handle, CURLOPT_WRITEFUNCTION, receiveAnswer)
        unsafe keyside_curl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(receiver).toOpaque())

        // No `Expect: 100-continue`: the agent is on this machine.
        var headers = unsafe curl_slist_append(nil, "Expect:")
        unsafe headers = curl_slist_append(headers, "Content-Type: application/json")
        defer { unsafe curl_slist_free_all(headers) }
        unsafe keyside_curl_set_pointer(handle, CURLOPT_HTTPHEADER, headers)

        let code = withExtendedLifetime(receiver) {
            unsafe Self.send(request, on: handle)
        }
        guard code == CURLE_OK else { throw unsafe Self.error(code, handle: handle, receiver: receiver) }
        var status = 0
        unsafe keyside_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        return SocketAnswer(status: status, body: try receiver.finish())
    }

    /// libcurl reads the body where it lies; it does not copy it.
    private static func send(_ request: borrowing SocketRequest, on handle: UnsafeMutableRawPointer) -> CURLcode {
        switch request.body {
        case .some(let body):
            return unsafe body.withUnsafeBytes { bytes in
                unsafe keyside_curl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
                unsafe keyside_curl_set_pointer(handle, CURLOPT_POSTFIELDS, bytes.baseAddress)
                return unsafe curl_easy_perform(handle)
            }
        case .none:
            unsafe keyside_curl_set_long(handle, CURLOPT_HTTPGET, 1)
            unsafe keyside_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method.rawValue)
            return unsafe curl_easy_perform(handle)
        }
    }

    private static func error(
        _ code: CURLcode, handle: UnsafeMutableRawPointer, receiver: AnswerReceiver
    ) -> CurlError {
        if let failure = receiver.failure { return failure }
        switch code {
        case CURLE_COULDNT_CONNECT:
            var systemCode = 0
            unsafe keyside_curl_get_long(handle, CURLINFO_OS_ERRNO, &systemCode)
            let reason = unsafe String(cString: strerror(CInt(systemCode)))
            return .notReachable(
                reason: reason, isPermission: systemCode == Int(EACCES) || systemCode == Int(EPERM))
        case CURLE_OPERATION_TIMEDOUT:
            return .timedOut
        case CURLE_OUT_OF_MEMORY:
            return .noMemory
        default:
            return .failed(reason: unsafe String(cString: curl_easy_strerror(code)))
        }
    }
}

/// Collects an answer's body in locked memory as libcurl delivers it.
private final class AnswerReceiver {
    private let byteCountMax: Int
    private var builder: SecretBuilder?
    private(set) var failure: CurlError?

    init(byteCountMax: Int, memory: SecretMemory) throws(CurlError) {
        self.byteCountMax = byteCountMax
        do {
            self.builder = try SecretBuilder(byteCountMax: byteCountMax, in: memory)
        } catch {
            throw .noMemory
        }
    }

    /// - Returns: false to end the transfer.
    func receive(_ bytes: Span<UInt8>) -> Bool {
        do {
            if try self.builder?.append(bytes) == true { return true }
            self.failure = .answerTooLarge(byteCountMax: self.byteCountMax)
        } catch {
            self.failure = .noMemory
        }
        return false
    }

    func finish() throws(CurlError) -> Secret {
        guard let builder = self.builder.take() else { throw .failed(reason: "the answer was taken already") }
        return builder.finish()
    }
}

/// libcurl's write callback: `size` is always 1.
private func receiveAnswer(
    bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
    let receiver = unsafe Unmanaged<AnswerReceiver>.fromOpaque(context).takeUnretainedValue()
    let start = unsafe UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self)
    return receiver.receive(unsafe Span(_unsafeStart: start, count: count)) ? count : 0
}
