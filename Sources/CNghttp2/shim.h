// SPDX-License-Identifier: Apache-2.0

#include <sys/types.h>
#include <nghttp2/nghttp2.h>
