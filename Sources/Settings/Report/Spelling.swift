// SPDX-License-Identifier: Apache-2.0

/// Guesses what an operator meant by a name that does not exist.
enum Spelling {
    /// What to do about `word`: a question after the name that was probably meant, else `otherwise`.
    static func remedy(for word: String, among names: some Sequence<String>, otherwise: String) -> String {
        Self.nearest(to: word, among: names).map { "did you mean '\($0)'?" } ?? otherwise
    }

    /// The name nearest to `word`, if one is near enough to be what was meant: at most a quarter of its characters
    /// differ, or two. The first of equals wins.
    static func nearest(to word: String, among names: some Sequence<String>) -> String? {
        let farthest = max(2, word.utf8.count / 4)
        let candidates = names.map { (name: $0, distance: Self.distance($0, word)) }
        return candidates.min { $0.distance < $1.distance }.flatMap { $0.distance <= farthest ? $0.name : nil }
    }

    /// How many bytes must be put in, left out or replaced to make one text of the other (Levenshtein).
    static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right.utf8)
        // The distances of the part of `left` seen so far to every beginning of `right`.
        var row = Array(0...right.count)
        for (index, byte) in left.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let replaced = diagonal + (byte == right[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
