// SPDX-License-Identifier: Apache-2.0

#ifndef KEYSIDE_WIPING_FREE_H
#define KEYSIDE_WIPING_FREE_H

/// Nothing to call: linking this target replaces the malloc family and `OPENSSL_cleanse` for the whole process.

#endif
