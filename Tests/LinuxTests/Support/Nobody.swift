// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Runs `body` with the rights that user and group `nobody` have to files and sockets: setfsuid(2), which holds for one
/// thread alone. To be called as root.
func asNobody<Result>(_ body: () throws -> Result) throws -> Result {
    typealias SetID = @convention(c) (CInt) -> CInt
    let setGroup = try function("setfsgid", as: SetID.self)
    let setUser = try function("setfsuid", as: SetID.self)
    _ = setGroup(65534)
    _ = setUser(65534)
    defer {
        _ = setUser(0)
        _ = setGroup(0)
    }
    return try body()
}

/// A function of the C library that Swift's Glibc module lacks.
private func function<Function>(_ name: String, as type: Function.Type) throws -> Function {
    guard let address = dlsym(nil, name) else { throw NoSuchFunction() }
    return unsafeBitCast(address, to: type)
}

private struct NoSuchFunction: Error {}
