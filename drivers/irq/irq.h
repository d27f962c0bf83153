/* SPDX-License-Identifier: MIT
 *
 * An interrupt line is a value: a device sets its level, whoever listens
 * (the 8259 pair) sees the change. Lines are numbered as on a PC.
 */
#ifndef IRQ_IRQ_H
#define IRQ_IRQ_H

#include "vmm/base/types.h"

struct irq_sink {
    void (*set)(void *ctx, u32 line, bool level);
    void *ctx;
};

static inline void irq_set(const struct irq_sink *sink, u32 line, bool level)
{
    sink->set(sink->ctx, line, level);
}

#endif
