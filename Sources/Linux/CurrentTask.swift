// SPDX-License-Identifier: Apache-2.0

/// The task that is running.
package enum CurrentTask {
    /// What it prefers to run on; nil if that is nothing in particular, if there is no task, or if the compiler's library
    /// cannot tell.
    package static var preferredExecutor: (any TaskExecutor)? {
        #if compiler(>=6.3)
        unsafe withUnsafeCurrentTask { task in unsafe task?.unownedTaskExecutor?.asTaskExecutor() }
        #else
        nil
        #endif
    }
}
