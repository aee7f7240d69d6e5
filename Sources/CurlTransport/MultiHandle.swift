// SPDX-License-Identifier: Apache-2.0

import CCurl
import Glibc
import LockedMemory

/// A libcurl multi handle: the connections of one pool. Owned by the engine's thread.
///
/// libcurl reports which sockets to watch, which is passed to the engine's ``Poller``, and when it wants to be called,
/// which is ``timer``. A class, because libcurl keeps a pointer to it.
@safe final class MultiHandle {
    /// When ``callTimer()`` is due.
    private(set) var timer: ContinuousClock.Instant?
    /// Whether nothing but ``nextEnded()``, ``remove(_:)`` and ``close()`` may follow, for lack of memory.
    ///
    /// Without memory for its list of sockets, libcurl 7.88 watches some of them no longer, and divides by zero when it
    /// looks at one again. Without memory for a frame of HTTP/2, it goes on with a session that nghttp2 has given up:
    /// later transfers get no answer, or nghttp2 reads memory that it has released.
    private(set) var isBroken = false
    private let sharing: PoolTraffic.Sharing
    /// Sockets of transfers under way that were opened for them, by their descriptors.
    private var attempts: [CInt: Attempt] = [:]

    private struct Attempt {
        let owner: ObjectIdentifier
        let inode: ino_t?
    }

    private let pointer: UnsafeMutableRawPointer
    /// TLS sessions shared by all handles. Without it, each handle would keep its own.
    private let share: UnsafeMutableRawPointer
    private let record: PoolState
    private let number: UInt32
    private let poller: Poller

    /// - Throws: `.noMemory`.
    init(
        record: PoolState, sharing: PoolTraffic.Sharing, number: UInt32, poller: Poller,
        options: TransferEngine.Options
    ) throws(TransferFailure) {
        guard let share = unsafe curl_share_init() else { throw .noMemory }
        guard let pointer = unsafe curl_multi_init() else {
            unsafe curl_share_cleanup(share)
            throw .noMemory
        }
        unsafe self.pointer = pointer
        unsafe self.share = share
        self.record = record
        self.sharing = sharing
        self.number = number
        self.poller = poller
        unsafe keyside_curl_share(share, CURL_LOCK_DATA_SSL_SESSION)
        let pipelining =
            switch sharing {
            case .oneByOne: CURLPIPE_NOTHING
            case .multiplexed: CURLPIPE_MULTIPLEX
            }
        unsafe keyside_curl_multi_set_long(pointer, CURLMOPT_PIPELINING, pipelining)
        unsafe keyside_curl_multi_set_long(pointer, CURLMOPT_MAX_HOST_CONNECTIONS, options.requestCountMax)
        unsafe keyside_curl_multi_set_long(pointer, CURLMOPT_MAX_TOTAL_CONNECTIONS, options.connectionCountMax)
        // libcurl's default is four connections per transfer in flight: after a burst, it would close all but four.
        unsafe keyside_curl_multi_set_long(pointer, CURLMOPT_MAXCONNECTS, options.connectionCountMax)

        let itself = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe keyside_curl_multi_set_pointer(pointer, CURLMOPT_SOCKETDATA, itself)
        unsafe keyside_curl_multi_on_socket(pointer) { _, socket, interest, itself, mark in
            guard let itself = unsafe itself else { return -1 }
            unsafe MultiHandle.at(itself).watch(socket, for: interest, isKnown: mark != nil)
            return 0
        }
        unsafe keyside_curl_multi_set_pointer(pointer, CURLMOPT_TIMERDATA, itself)
        unsafe keyside_curl_multi_on_timer(pointer) { _, milliseconds, itself in
            guard let itself = unsafe itself else { return -1 }
            unsafe MultiHandle.at(itself).timer = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
            return 0
        }
    }

    /// Closes all connections. There must be no transfers; the handles must live on until then, because connections
    /// refer to them.
    func close() { unsafe curl_multi_cleanup(self.pointer) }

    /// Release after the last handle, which shares the sessions.
    deinit { unsafe curl_share_cleanup(self.share) }

    private static func at(_ context: UnsafeMutableRawPointer) -> MultiHandle {
        unsafe Unmanaged<MultiHandle>.fromOpaque(context).takeUnretainedValue()
    }

    // MARK: Transfers

    /// Adopts an easy handle: its sockets are counted and watched, its TLS sessions shared.
    func adopt(_ easy: EasyHandle) {
        let itself = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe easy.set(CURLOPT_SHARE, to: self.share)
        easy.opener = self
        unsafe easy.set(CURLOPT_OPENSOCKETDATA, to: Unmanaged.passUnretained(easy).toOpaque())
        unsafe keyside_curl_on_open(easy.pointer) { easy, _, address in
            guard let easy = unsafe easy, let address = unsafe address?.pointee else { return CURL_SOCKET_BAD }
            return unsafe EasyHandle.at(easy).openSocket(address.family, address.socktype, address.protocol)
        }
        unsafe easy.set(CURLOPT_CLOSESOCKETDATA, to: itself)
        unsafe keyside_curl_on_close(easy.pointer) { itself, socket in
            if let itself = unsafe itself { unsafe MultiHandle.at(itself).willClose(socket) }
            return Glibc.close(socket)
        }
    }

    /// - Returns: -1 and errno if the kernel has none left.
    func open(_ family: CInt, _ type: CInt, _ protocolNumber: CInt, for easy: EasyHandle) -> CInt {
        let socket = socket(family, type | CInt(SOCK_CLOEXEC.rawValue), protocolNumber)
        if socket >= 0 {
            // The attempt that had the number before was closed.
            if self.attempts[socket] != nil { self.willClose(socket) }
            self.attempts[socket] = Attempt(owner: ObjectIdentifier(easy), inode: Self.inode(of: socket))
            self.record.socketWasOpened()
            self.poller.expect(socket)
        }
        return socket
    }

    private func willClose(_ socket: CInt) {
        self.attempts[socket] = nil
        self.record.socketWasClosed()
        self.poller.closed(socket)
    }

    /// libcurl 7.88 closes a socket that is not connected yet without a call of the function that is set for that.
    private func forgetAttempts(of easy: EasyHandle) {
        guard !self.attempts.isEmpty else { return }
        for (socket, attempt) in self.attempts where attempt.owner == ObjectIdentifier(easy) {
            let isOpen = attempt.inode != nil && Self.inode(of: socket) == attempt.inode
            if isOpen { self.attempts[socket] = nil } else { self.willClose(socket) }
        }
    }

    /// Which socket it is: a number of a descriptor is used again as soon as it is closed. Nil where there is none.
    private static func inode(of socket: CInt) -> ino_t? {
        var status = stat()
        return unsafe fstat(socket, &status) == 0 ? status.st_ino : nil
    }

    /// - Returns: false if libcurl has no memory for it.
    func add(_ handle: TransferHandle) -> Bool {
        guard !self.isBroken else { return false }
        return unsafe curl_multi_add_handle(self.pointer, handle.easy.pointer) == CURLM_OK
    }

    /// Ends a transfer where it is: with it goes its connection, or over HTTP/2 its stream.
    func remove(_ handle: TransferHandle) {
        self.noteRefusals { unsafe curl_multi_remove_handle(self.pointer, handle.easy.pointer) }
        self.forgetAttempts(of: handle.easy)
    }

    /// Runs `call` into libcurl, and looks whether it makes the handle ``isBroken``.
    private func noteRefusals(_ call: () -> CURLMcode) {
        let refusalsBefore = CurlLibrary.refusalCount
        let code = call()
        let wereRefused = CurlLibrary.refusalCount != refusalsBefore
        if code == CURLM_OUT_OF_MEMORY || wereRefused && self.sharing == .multiplexed { self.isBroken = true }
    }

    /// The next transfer that has completed; it must still be removed.
    func nextEnded() -> (handle: TransferHandle, code: CURLcode)? {
        var remaining: CInt = 0
        while let message = unsafe curl_multi_info_read(self.pointer, &remaining) {
            guard unsafe message.pointee.msg == CURLMSG_DONE,
                let handle = unsafe TransferHandle.of(message.pointee.easy_handle)
            else { continue }
            return unsafe (handle, message.pointee.data.result)
        }
        return nil
    }

    // MARK: Events

    /// - Parameter events: reported by the ``Poller`` for the socket.
    func call(about socket: CInt, events: UInt32) {
        var selected: CInt = 0
        if events & Poller.readable != 0 { selected |= CURL_CSELECT_IN }
        if events & Poller.writable != 0 { selected |= CURL_CSELECT_OUT }
        if events & Poller.failed != 0 { selected |= CURL_CSELECT_ERR }
        var running: CInt = 0
        guard !self.isBroken else { return }
        self.noteRefusals { unsafe curl_multi_socket_action(self.pointer, socket, selected, &running) }
    }

    func callTimer() {
        self.timer = nil
        self.call(about: CURL_SOCKET_BAD, events: 0)
    }

    private func watch(_ socket: CInt, for interest: CInt, isKnown: Bool) {
        guard interest != CURL_POLL_REMOVE else { return self.poller.forget(socket) }
        var events: UInt32 = 0
        if interest & CURL_POLL_IN != 0 { events |= Poller.readable }
        if interest & CURL_POLL_OUT != 0 { events |= Poller.writable }
        self.poller.watch(Poller.Tag(pool: self.number, descriptor: socket), for: events, isNew: !isKnown)
        // Any non-null mark: it shows that the socket is known.
        unsafe curl_multi_assign(self.pointer, socket, Unmanaged.passUnretained(self).toOpaque())
    }
}
