/* SPDX-License-Identifier: MIT
 *
 * Drivers for the real machine's own devices, as main.c and one another see
 * them. The VM layer uses the arch_ functions of arch.h, which these files
 * implement: console (console.c), wires (wire.c), screen and keys (screen.c,
 * kbd.c), time and interrupts (time.c, irq.c), the date (cmos.c), the end
 * (power.c).
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "arch/x86/arch.h"
#include "vmm/base/paint.h"
#include "vmm/base/platform.h"

/* Host interrupt vectors: the PIC's sixteen lines, then the local APIC. */
#define VECTOR_PIC      0x20
#define VECTOR_TIMER    0x30
#define VECTOR_SPURIOUS 0xff /* low four bits must be ones on old CPUs */

#define TICK_NS 10000000ull

/* uart.c: serial ports. Null: there is none at that place, or (UART_PCI) no
 * card that is not somebody's yet. */
enum uart_place {
    UART_NONE,
    UART_COM1,
    UART_COM2,
    UART_COM3,
    UART_COM4,
    UART_PCI,
    UART_PLACES
};
#define UARTS 3 /* open at a time: the console and the wires */
struct uart;
struct uart *host_uart_open(enum uart_place place);
void host_uart_close(struct uart *u);
enum uart_place host_uart_place(const struct uart *u); /* null: UART_NONE */
u32 host_uart_card(const struct uart *u); /* UART_PCI: as pci.c has it */
void host_uart_unmask(void); /* the PIC's lines of all that are open */
void host_uart_interrupt(u32 line);
bool host_uart_put(struct uart *u, u8 byte);   /* false: no room yet */
void host_uart_force(struct uart *u, u8 byte); /* whether or not */
bool host_uart_get(struct uart *u, u8 *byte);

/* console.c. It leaves a port that becomes a wire. */
void host_console_init(void);
void host_console_leave(enum uart_place place);
const struct uart *host_console_uart(void); /* null: it has none */

/* wire.c: the wires of arch.h. A place is one of enum uart_place, or: */
#define WIRE_E9     UART_PLACES
#define WIRE_PLACES (UART_PLACES + 1)
extern const char *const host_wire_places[WIRE_PLACES];
enum wire_state {
    WIRE_OFF, /* not asked for */
    WIRE_READY,
    WIRE_ABSENT, /* nothing answers at its place */
    WIRE_TAKEN,  /* its place is another wire's */
};
void host_wire_choose(enum arch_wire wire, u32 place);
void host_wires_init(void);
enum wire_state host_wire_state(enum arch_wire wire, u32 *place);

/* screen.c: text or pixels. `memory`: mode->at as the VMM sees it. */
void host_screen_init(const struct screen_mode *mode, void *memory);
void host_screen_write(const char *text, size_t len);
void host_screen_tick(void); /* what is new is painted now and then */
void host_screen_last(void); /* for good: the console, with all that it got */
extern const paint_glyph host_font[256]; /* made by scripts/font.py */

/* kbd.c: the 8042 and what is plugged into it. */
void host_kbd_init(void);
bool host_kbd_present(void);
void host_kbd_interrupt(void);

/* pci.c: a function is bus << 8 | device << 3 | function. */
#define PCI_BUS(at)   ((at) >> 8)
#define PCI_DEV(at)   ((at) >> 3 & 31)
#define PCI_FN(at)    ((at)&7)
#define PCI_FUNCTIONS 0x10000
#define PCI_BARS      6
/* Class, subclass, interface and revision, a byte each, in one word. */
u32 pci_class(u32 at);
#define PCI_INTERFACE(class) ((class) >> 8 & 0xff)
bool pci_present(void);
/* The first function from `from` on whose pci_class() is `want` where the mask
 * has ones; PCI_FUNCTIONS: none. */
u32 pci_find(u32 from, u32 want, u32 mask);
struct io_reg pci_bar(u32 at, u32 index);
void pci_enable(u32 at); /* answer to its addresses, interrupt nobody */

/* pic.c: the 8259 pair, remapped to VECTOR_PIC, all lines masked. */
bool host_pic_init(void); /* false: there is none */
void host_pic_unmask(u32 line);
bool host_pic_asked(u32 line); /* an interrupt waits, masked or not */
bool host_pic_real(u32 line);  /* false: a spurious interrupt, nothing to end */
void host_pic_end(u32 line);

/* A counter that only counts up, around at mask + 1. */
struct yardstick {
    u32 (*read)(void);
    u32 mask;
    u64 hz;
};

/* pit.c: the 8254. */
void pit_gate_start(u32 count); /* channel 2 counts down once ... */
bool pit_gate_done(void);       /* ... and has arrived at zero */
void pit_one_shot(u64 ns);      /* an interrupt on IRQ 0 */
void pit_free_run(void);        /* channel 0, as slow as it goes, for ever */
struct yardstick pit_counter(void); /* and read while it does */
u32 pit_count(u64 ns);

/* pmtimer.c: what the firmware's tables name; false: no such counter. */
bool pmtimer_find(const struct platform *p, struct yardstick *out);
bool hpet_find(const struct platform *p, struct yardstick *out);

/* lapic.c: the local APIC. False: it cannot be reached. */
bool lapic_init(void);
void lapic_start(u32 count); /* an interrupt on VECTOR_TIMER; 0 stops */
u32 lapic_count(void);
u32 lapic_id(void);
void lapic_end(void);
bool lapic_is_x2(void);

/* watchdog.c: an NMI from the PIT by a pin of an I/O APIC (registers at 0:
 * there is none); false: none comes. */
bool watchdog_init(hpa_t ioapic, u32 pin);

/* time.c. What the clock is measured with, and the alarm made of. */
enum clock_source {
    CLOCK_ANY,
    CLOCK_PIT,
    CLOCK_PIT_0, /* its channel 0 */
    CLOCK_ACPI,
    CLOCK_HPET,
    CLOCK_CPUID,
    CLOCK_SOURCES
};
enum alarm_source { ALARM_ANY, ALARM_APIC, ALARM_PIT, ALARM_SOURCES };
extern const char *const time_clock_words[CLOCK_SOURCES]; /* as typed */
extern const char *const time_alarm_words[ALARM_SOURCES];

/* A wish that cannot be met is as good as none. */
void time_init(const struct platform *p, bool have_apic,
               enum clock_source clock, enum alarm_source alarm);
u64 time_tsc_hz(void);
enum clock_source time_clock(void);
enum alarm_source time_alarm(void);
void time_tick(void); /* the timer interrupt came */

/* power.c: how the machine is switched off. */
void host_power_init(const struct platform *p);

/* cmos.c: seconds since 1970 now; 0 when no clock answers. */
u64 cmos_seconds(void);

#endif
