// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CProcessStart.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int argument_count;
static char **arguments;

/// Opens something harmless with the lowest number that is free. Where there is no /dev/null, as in a bare chroot, a
/// descriptor of the root directory serves, which can be neither read nor written.
static int open_placeholder(int access) {
    int descriptor = open("/dev/null", access | O_NOCTTY);
    return descriptor >= 0 ? descriptor : open("/", O_PATH | O_DIRECTORY);
}

static void open_standard_descriptors(void) {
    const int wrong_access[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int number = 0; number < 3; number++) {
        if (fcntl(number, F_GETFD) >= 0 || errno != EBADF) continue;
        // Those below are open, so this number is the lowest that is free. EX_IOERR is 74.
        if (open_placeholder(wrong_access[number]) != number) _exit(74);
    }
}

// 101 is the first priority that programs may use: before the constructors of C++ and Swift.
__attribute__((constructor(101))) static void prepare_process(int count, char **values) {
    argument_count = count;
    arguments = values;
    open_standard_descriptors();
}

int keyside_argument_count(void) { return argument_count; }

char *const *keyside_arguments(void) { return arguments; }
