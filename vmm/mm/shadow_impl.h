/* SPDX-License-Identifier: MIT
 *
 * The shadow's own state, laid open only so that struct vm can hold it.
 */
#ifndef MM_SHADOW_IMPL_H
#define MM_SHADOW_IMPL_H

struct shadow {
    struct frames *frames;
};

#endif
