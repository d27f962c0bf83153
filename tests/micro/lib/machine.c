/* SPDX-License-Identifier: MIT
 *
 * Paging and interrupt lines for the micro-guests that need them.
 *
 * The first 8 MiB are mapped one to one by 4 KiB pages, present, writable
 * and open to ring 3; a test changes the entries it is about.
 *
 * SDM vol. 3A 4.3; Intel 8259A and 8254 datasheets.
 */
#include "tests/micro/lib/micro.h"

#define PIC_EOI       0x20
#define PIC_ICW1      0x11 /* edge, cascade, ICW4 follows */
#define PIC_ICW4      0x01 /* 8086 mode */
#define PIT_CH0_RATE  0x34 /* channel 0, low then high byte, mode 2 */
#define LINES_PER_PIC 8

u32 page_dir[1024] __attribute__((aligned(4096)));
u32 page_tables[PAGED_MIB / 4][1024] __attribute__((aligned(4096)));

u32 *pte_of(u32 address)
{
    return &page_tables[address >> 22][address >> PAGE_SHIFT & 1023];
}

void paging_on(void)
{
    for (u32 i = 0; i < ARRAY_LEN(page_dir); i++)
        page_dir[i] = 0;
    for (u32 t = 0; t < ARRAY_LEN(page_tables); t++)
        page_dir[t] = (u32)page_tables[t] | PTE_P | PTE_W | PTE_U;
    for (u32 at = 0; at < PAGED_MIB << 20; at += PAGE_SIZE)
        *pte_of(at) = at | PTE_P | PTE_W | PTE_U;
    write_cr3((u32)page_dir);
    write_cr0(read_cr0() | CR0_PG);
}

void paging_off(void)
{
    write_cr0(read_cr0() & ~CR0_PG);
}

static u16 pic_data(u32 irq)
{
    return irq < LINES_PER_PIC ? PORT_PIC1_DATA : PORT_PIC2_DATA;
}

static void pic_start(u16 cmd, u8 vector, u8 cascade)
{
    out8(cmd, PIC_ICW1);
    out8(cmd + 1, vector);
    out8(cmd + 1, cascade);
    out8(cmd + 1, PIC_ICW4);
    out8(cmd + 1, 0xff);
}

void pic_init(void)
{
    pic_start(PORT_PIC1_CMD, VECTOR_IRQ, 1 << IRQ_CASCADE);
    pic_start(PORT_PIC2_CMD, VECTOR_IRQ + LINES_PER_PIC, IRQ_CASCADE);
}

void pic_mask(u32 irq)
{
    out8(pic_data(irq), in8(pic_data(irq)) | 1 << irq % LINES_PER_PIC);
}

void pic_unmask(u32 irq)
{
    out8(pic_data(irq), in8(pic_data(irq)) & ~(1 << irq % LINES_PER_PIC));
}

void pic_eoi(u32 irq)
{
    if (irq >= LINES_PER_PIC)
        out8(PORT_PIC2_CMD, PIC_EOI);
    out8(PORT_PIC1_CMD, PIC_EOI);
}

void pit_start(u32 reload)
{
    out8(PORT_PIT_CMD, PIT_CH0_RATE);
    out8(PORT_PIT_CH0, (u8)reload);
    out8(PORT_PIT_CH0, (u8)(reload >> 8));
}
