/* SPDX-License-Identifier: MIT
 *
 * Drivers for the real machine's own devices, as main.c and one another see
 * them. The VM layer uses the arch_ functions of arch.h, which these files
 * implement: console (console.c), screen and keys (screen.c, kbd.c), time and
 * interrupts (time.c, irq.c), the date (cmos.c), the end (power.c).
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "vmm/base/paint.h"

/* Host interrupt vectors: the PIC's sixteen lines, then the local APIC. */
#define VECTOR_PIC      0x20
#define VECTOR_TIMER    0x30
#define VECTOR_SPURIOUS 0xff /* low four bits must be ones on old CPUs */

#define TICK_NS 10000000ull

/* uart.c: COM1. */
void host_uart_init(void);
void host_uart_interrupt(void);
void host_uart_write(const char *text, size_t len);
bool host_uart_read(u8 *byte);

/* screen.c: text or pixels. `memory`: mode->at as the VMM sees it. */
void host_screen_init(const struct screen_mode *mode, void *memory);
void host_screen_write(const char *text, size_t len);
void host_screen_tick(void); /* what is new is painted now and then */
void host_screen_last(void); /* for good: the console, with all that it got */
extern const paint_glyph host_font[256]; /* made by scripts/font.py */

/* kbd.c: the 8042 and what is plugged into it. */
void host_kbd_init(void);
void host_kbd_interrupt(void);

/* pic.c: the 8259 pair, remapped to VECTOR_PIC, all lines masked. */
void host_pic_init(void);
void host_pic_unmask(u32 line);
bool host_pic_real(u32 line); /* false: a spurious interrupt, nothing to end */
void host_pic_end(u32 line);

/* pit.c: the 8254. */
void pit_gate_start(u32 count); /* channel 2 counts down once ... */
bool pit_gate_done(void);       /* ... and has arrived at zero */
void pit_one_shot(u64 ns);      /* an interrupt on IRQ 0 */
void pit_free_run(void);        /* channel 0, as slow as it goes, for ever */
u32 pit_count(u64 ns);

/* lapic.c: the local APIC. */
void lapic_init(void);
void lapic_start(u32 count); /* an interrupt on VECTOR_TIMER; 0 stops */
u32 lapic_count(void);
u32 lapic_id(void);
void lapic_end(void);

/* watchdog.c: an NMI from the PIT; false: this machine has no way. */
bool watchdog_init(void);

/* time.c */
void time_init(bool have_apic);
u64 time_tsc_hz(void);
bool time_has_apic(void);
void time_tick(void); /* the timer interrupt came */

/* cmos.c: seconds since 1970 now. */
u64 cmos_seconds(void);

#endif
