# SPDX-License-Identifier: MIT
#
# One Makefile for the whole house. Every layer is a folder, and every .c or
# .S in it is part of it: adding a file needs no change here.
#
#   make            VMM, guest and ISO          make test   every test
#   make run        the ISO in QEMU             make check  layers, style, purity
#   make debug      guests under gdb            make bench  figures
#   make host       the VMM as an ordinary program, for gdb and sanitizers
#   make tour       the file essays in reading order
#   make coverage   which lines that guests reach no test has run

B := build
MAKEFLAGS += --no-builtin-rules

CC      ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
LD      := ld
OBJCOPY := objcopy
PYTHON  := /usr/bin/python3

WARN := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes \
        -Wno-unused-parameter
BARE := -std=gnu11 -O2 -g -ffreestanding -fno-pic -fno-pie \
        -fno-stack-protector -fno-stack-clash-protection \
        -fno-strict-aliasing -fno-omit-frame-pointer \
        -fno-asynchronous-unwind-tables -fcf-protection=none \
        -mgeneral-regs-only $(WARN) -I. -MMD -MP

PURE_DIRS := vmm/base vmm/cpu vmm/mm vmm/bt drivers/bus drivers/irq \
             drivers/model vmm/vm
UNIT_DIRS := $(PURE_DIRS) guest/policy
PURE_SRC  := $(sort $(wildcard $(addsuffix /*.c,$(PURE_DIRS))))

.PHONY: all
all: $(B)/trapline.elf $(B)/hare.elf $(B)/trapline.iso

include scripts/mk/font.mk
include scripts/mk/vmm.mk
include scripts/mk/guest.mk
include scripts/mk/disk.mk
include scripts/mk/iso.mk
include scripts/mk/host.mk
include scripts/mk/test.mk
include scripts/mk/coverage.mk

.PHONY: clean
clean:
	rm -rf $(B)
