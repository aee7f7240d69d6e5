// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A user of this machine.
package struct Account: Sendable {
    package let user: UInt32
    package let group: UInt32
    package let groupName: String

    /// The user that has no rights anywhere.
    package static let nobody: Account = {
        guard let entry = unsafe getpwnam("nobody") else {
            return Account(user: 65534, group: 65534, groupName: "65534")
        }
        let (user, group) = unsafe (entry.pointee.pw_uid, entry.pointee.pw_gid)
        let name = unsafe getgrgid(group).map { unsafe String(cString: $0.pointee.gr_name) }
        return Account(user: user, group: group, groupName: name ?? "\(group)")
    }()

    /// Whether tests can become somebody else.
    package static var isRoot: Bool { geteuid() == 0 }
}
