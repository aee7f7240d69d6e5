// SPDX-License-Identifier: Apache-2.0

#ifndef KEYSIDE_BUILD_INFO_H
#define KEYSIDE_BUILD_INFO_H

/// The commit that was built, 40 hexadecimal digits with `-dirty` behind them if it was changed; `unknown` without git.
const char *keyside_build_commit(void);

#endif
