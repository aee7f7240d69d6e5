// SPDX-License-Identifier: Apache-2.0

import Agent
import ArgumentParser
import Glibc
import Linux
import LockedMemory
import Logging
import Settings

/// `keyside run`
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the agent in the foreground.",
        discussion: """
            The MINIO_KMS_* environment of the object store configures the backend. Serves the KES API on a Unix socket. \
            SIGTERM waits for requests in flight; a second SIGTERM stops at once.
            """)

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        try await self.reportingFailures {
            // Before the process holds any secret.
            let hardeningFailures = ProcessHardening.apply()
            ProcessHardening.raiseDescriptorLimit()

            let startup = try self.options.load(toleratingUnlockedMemory: false)
            let settings = startup.configuration.settings.log
            let writer = try LogWriter(format: Self.format(settings))
            CrashDelay.install()
            do {
                let logger = Self.makeLogger(settings, writer: writer)
                for failure in hardeningFailures {
                    logger.warning("process hardening failed", metadata: ["reason": "\(failure)"])
                }
                try await Self.serve(startup, logger: logger, writer: writer)
                writer.finish()
                // Exit handlers could wait for a thread that hangs, or release resources that another thread still
                // uses.
                _exit(EXIT_SUCCESS)
            } catch let failure as CommandFailure {
                if let message = failure.message { writer.submitReason("keyside: \(message)\n") }
                writer.finish()
                throw CommandFailure(failure.status)
            }
        }
    }

    private static func serve(_ startup: Startup, logger: Logger, writer: LogWriter) async throws {
        Self.report(startup.configuration.diagnostics, to: logger)
        guard startup.configuration.isValid else {
            throw CommandFailure(.configuration, "the configuration is not valid; see 'keyside check'")
        }
        do throws(AgentFailure) {
            try await startup.makeAgent(logger: logger, log: writer).run()
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func report(_ diagnostics: [Diagnostic], to logger: Logger) {
        for diagnostic in diagnostics {
            switch diagnostic.severity {
            case .error: logger.error("\(diagnostic.advice)")
            case .warning: logger.warning("\(diagnostic.advice)")
            case .note: logger.info("\(diagnostic.advice)")
            }
        }
    }

    private static func format(_ settings: AgentSettings.Log) -> LogFormat {
        switch settings.format {
        case .json: .json
        case .text: StandardStreams.errorIsJournal ? .journal : .terminal
        }
    }

    private static func makeLogger(_ settings: AgentSettings.Log, writer: LogWriter) -> Logger {
        let format = Self.format(settings)
        let level: Logger.Level =
            switch settings.level {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            }
        return Logger(label: "keyside") { LineLogHandler(label: $0, format: format, level: level, writer: writer) }
    }
}
