// SPDX-License-Identifier: Apache-2.0

/// The running task.
package enum CurrentTask {
    /// The executor that the task prefers; nil if there is none, or no task.
    package static var preferredExecutor: (any TaskExecutor)? {
        unsafe withUnsafeCurrentTask { task in unsafe task?.unownedTaskExecutor?.asTaskExecutor() }
    }
}
