// SPDX-License-Identifier: Apache-2.0

#include "CBuildInfo.h"

const char *keyside_build_commit(void) { return KEYSIDE_COMMIT; }
