// SPDX-License-Identifier: Apache-2.0

/// Takes down the first rule that was broken.
final class Referee {
    private(set) var brokenRule: String?

    func rule(_ holds: Bool, _ complaint: @autoclosure () -> String) {
        if !holds, self.brokenRule == nil { self.brokenRule = complaint() }
    }
}
