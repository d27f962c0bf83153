/* SPDX-License-Identifier: MIT
 *
 * Segment limits: an access whose last byte is beyond the limit is #GP(0);
 * expand-down segments allow what is above; a limit in
 * pages counts whole pages; jumps beyond the code limit are #GP(0). Writes to
 * read-only and reads of execute-only segments are #GP(0).
 *
 * QEMU's translator checks no data segment on use; there only far jumps are
 * tested. SDM vol. 3A 5.3, 5.5.
 */
#include "tests/micro/lib/micro.h"

#define SMALL (GDT_FREE * 8)
#define DOWN  (GDT_FREE * 8 + 8)
#define PAGES (GDT_FREE * 8 + 16)
#define CONST (GDT_FREE * 8 + 24)
#define CODE  (GDT_FREE * 8 + 32)

static u8 area[3 * PAGE_SIZE] __attribute__((aligned(4096)));

static u32 reads(u32 selector, u32 offset)
{
    __asm__ volatile("movl %0, %%fs" : : "r"(selector | 3));
    CATCH("movl %%fs:(%0), %%eax", : "r"(offset) : "eax");
    return caught.count ? caught.f.vector : 0;
}

static u32 writes(u32 selector, u32 offset)
{
    __asm__ volatile("movl %0, %%fs" : : "r"(selector | 3));
    CATCH("movb %%al, %%fs:(%0)", : "r"(offset) : "memory");
    return caught.count ? caught.f.vector : 0;
}

static u32 data(void)
{
    EXPECT_EQ(reads(SMALL, 0x0fc), 0, "the last dword below a byte limit");
    EXPECT_EQ(reads(SMALL, 0x0fd), TRAP_GP, "a dword over a byte limit");
    EXPECT_EQ(caught.f.error, 0, "its error code");
    EXPECT_EQ(reads(SMALL, 0xfffffffe), TRAP_GP, "a dword that wraps");
    EXPECT_EQ(writes(SMALL, 0x0ff), 0, "the last byte");
    EXPECT_EQ(writes(SMALL, 0x100), TRAP_GP, "the byte behind the limit");
    EXPECT_EQ(reads(DOWN, 0x100), 0, "above an expand-down limit");
    EXPECT_EQ(reads(DOWN, 0x0ff), TRAP_GP, "at an expand-down limit");
    EXPECT_EQ(reads(PAGES, 0x1ffc), 0, "the last dword of two pages");
    EXPECT_EQ(reads(PAGES, 0x2000), TRAP_GP, "the dword behind two pages");
    EXPECT_EQ(reads(CONST, 0), 0, "a read of read-only data");
    EXPECT_EQ(writes(CONST, 0), TRAP_GP, "a write to read-only data");
    return 0;
}

void test(void)
{
    u32 far[2] = {0x10, CODE};

    gdt_set(SMALL >> 3, (u32)area, 0xff, ATTR_KDATA | ATTR_RING3);
    gdt_set(DOWN >> 3, (u32)area, 0xff, ATTR_KDATA | ATTR_RING3 | ATTR_DOWN);
    gdt_set(PAGES >> 3, (u32)area, 1, ATTR_KDATA | ATTR_RING3 | ATTR_G);
    gdt_set(CONST >> 3, (u32)area, 0xff, ATTR_P | ATTR_S | ATTR_RING3);
    gdt_set(CODE >> 3, 0, 0xf, ATTR_KCODE);
    CATCH("ljmp *%0", : "m"(far));
    EXPECT_TRAP(TRAP_GP, 0, 0, "a far jump beyond the code limit");
    CATCH("lcall *%0", : "m"(far));
    EXPECT_EQ(caught.f.vector, TRAP_GP, "a far call beyond the code limit");
    if (!checks_segments()) {
        note("this machine checks no segment on use; limits are not tested");
        return;
    }
    ring3(data);
}
