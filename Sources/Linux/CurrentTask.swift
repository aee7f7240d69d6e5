// SPDX-License-Identifier: Apache-2.0

/// The task that is running.
package enum CurrentTask {
    /// The executor it prefers to run on; nil if there is none, or no task.
    package static var preferredExecutor: (any TaskExecutor)? {
        unsafe withUnsafeCurrentTask { task in unsafe task?.unownedTaskExecutor?.asTaskExecutor() }
    }
}
