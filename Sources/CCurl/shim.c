// SPDX-License-Identifier: Apache-2.0

#include "CCurl.h"

#include <sys/prctl.h>

int keyside_curl_name_thread(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }
