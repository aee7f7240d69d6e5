// SPDX-License-Identifier: Apache-2.0

import Linux
import LockedMemory

/// Why an agent did not start: a message for the operator that says what is wrong and what to do.
package struct AgentFailure: Error, Equatable, Sendable {
    /// Decides the exit status.
    package enum Kind: Sendable {
        /// A restart without a change fails again.
        case configuration
        case notPermitted
        case inputOutput
    }

    package let kind: Kind
    /// What is wrong and what to do. Several lines if several things are wrong.
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}

extension AgentFailure {
    init(_ error: SocketFileError) {
        switch error {
        case .inUse(let path):
            self.init(
                .configuration,
                "\(path): another process listens on this socket; stop it, or choose another path with --socket"
            )
        case .notASocket(let path, let kind):
            self.init(
                .configuration,
                "\(path): expected a socket or nothing, found a \(kind); remove it, or choose another path with --socket"
            )
        case .invalidPath(let path):
            self.init(
                .configuration,
                "\(path): not a socket path; expected an absolute path of at most 107 bytes")
        case .unknownUser(let name):
            self.init(.configuration, "socket.owner: user '\(name)' does not exist")
        case .unknownGroup(let name):
            self.init(.configuration, "socket.group: group '\(name)' does not exist")
        case .system(let error):
            self.init(
                error.isPermission ? .notPermitted : .inputOutput,
                error.isPermission
                    ? "cannot \(error); run the agent as a user with permission, or choose another path with --socket"
                    : "cannot \(error)")
        }
    }

    init(_ error: TCPListenerError) {
        switch error {
        case .inUse(let address):
            self.init(
                .configuration,
                "tls.listen: another process listens at \(address); stop it, or choose another port with --tls-listen")
        case .notLocal(let address):
            self.init(
                .configuration,
                "tls.listen: no interface of this machine has the address of \(address); use 127.0.0.1:\(address.port), "
                    + "or an address that 'ip address' shows")
        case .notPermitted(let address):
            self.init(
                .notPermitted,
                "tls.listen: this user cannot listen at \(address); choose a port from 1024 up, or give the agent "
                    + "CAP_NET_BIND_SERVICE")
        case .system(let error):
            self.init(.inputOutput, "tls.listen: cannot \(error)")
        }
    }

    init(_ error: LockedMemoryError) {
        switch error {
        case .cannotLock(let byteCount, let limit, _):
            let limitText = limit.map { "\($0 / 1024) KiB" } ?? "unlimited"
            self.init(
                .configuration,
                """
                cannot lock \(byteCount / 1024) KiB of memory for keys (RLIMIT_MEMLOCK is \(limitText)); raise it with \
                LimitMEMLOCK= in the systemd unit, --ulimit memlock= for a container, or 'ulimit -l' in a shell. \
                Setting memory.allow_unlocked lets keys reach swap
                """)
        case .exhausted:
            self.init(.configuration, "not enough locked memory for the agent's own secrets")
        }
    }
}
