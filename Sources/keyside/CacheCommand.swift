// SPDX-License-Identifier: Apache-2.0

import AdminProtocol
import ArgumentParser
import ByteCoding
import KESProtocol
import KeyService
import KeysideClient
import Linux

/// `keyside cache …`
struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache", abstract: "Show and purge the cache of a running agent.",
        subcommands: [CacheStats.self, PurgeCache.self])
}

/// `keyside cache stats`
struct CacheStats: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show the contents and counters of the cache.")

    @OptionGroup var options: ClientOptions

    func run() throws {
        try self.reportingFailures {
            let (report, json) = try self.options.asking { try $0.client.cacheReport() }
            switch self.options.output {
            case .json: try StandardStreams.writeOutput(json.span)
            case .text: try StandardStreams.writeOutput(Self.text(of: report))
            }
        }
    }

    private static func text(of report: CacheReport) -> String {
        guard report.isEnabled else { return "cache: off\n" }
        let ratio = report.hitRatio.map { CacheText.percent($0) } ?? "-"
        let rows = [
            ("entries", "\(report.entries) of \(report.capacity)"),
            ("expiry", CacheText.expiry(of: report)),
            ("hits", "\(report.hits) (\(ratio))"),
            ("misses", "\(report.misses)"),
            ("coalesced", "\(report.coalesced)"),
            ("stale", "\(report.stale)"),
            ("absent", "\(report.absent)"),
            ("contradictions", "\(report.contradictions)"),
            (
                "renewals",
                "\(report.renewals.succeeded) succeeded, \(report.renewals.refused) refused, "
                    + "\(report.renewals.failed) failed"
            ),
            (
                "evictions",
                "\(report.evictions.capacity) for capacity, \(report.evictions.expired) expired, "
                    + "\(report.evictions.purged) purged"
            ),
        ]
        return rows.map { "\($0.0): \($0.1)\n" }.joined()
    }
}

/// `keyside cache purge`
struct PurgeCache: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Remove data keys from the cache. The agent requests them again when they are needed.")

    @Option(help: ArgumentHelp("Remove the data keys of this key.", valueName: "name"))
    var key: String?
    @Flag(help: "Remove all data keys.")
    var all = false
    @OptionGroup var options: ClientOptions

    func validate() throws {
        guard (self.key == nil) == self.all else { throw ValidationError("set either --key NAME or --all") }
        guard self.key?.isEmpty != true else { throw ValidationError("a key's name cannot be empty") }
    }

    func run() throws {
        try self.reportingFailures {
            let count = try self.options.asking { try $0.client.purgeCache(of: self.key.flatMap(KeyName.init)) }
            switch self.options.output {
            case .text: try StandardStreams.writeOutput("purged: \(count)\n")
            case .json: try StandardStreams.writeJSON { json in json.member("purged", count) }
            }
        }
    }
}

/// Text output about a cache.
enum CacheText {
    /// `any 300 s, unused 60 s, offline off`
    static func expiry(of report: CacheReport) -> String {
        [
            ("any", report.anyMilliseconds), ("unused", report.unusedMilliseconds),
            ("offline", report.offlineMilliseconds),
        ]
        .map { "\($0.0) \(Self.span($0.1))" }.joined(separator: ", ")
    }

    static func percent(_ ratio: Double) -> String { "\((ratio * 1000).rounded(.down) / 10) %" }

    private static func span(_ milliseconds: Int) -> String {
        guard milliseconds > 0 else { return "off" }
        return milliseconds.isMultiple(of: 1000)
            ? StatusText.text(of: .milliseconds(milliseconds)) : "\(milliseconds) ms"
    }
}
