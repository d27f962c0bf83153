# SPDX-License-Identifier: MIT
#
# The hosted VMM: vmm/ and the device models over tests/fake/arch_hosted*.c,
# one Linux program, $(B)/trapline-host, under ASan and UBSan, for gdb. (GCC
# itself says that -Wmaybe-uninitialized misjudges sanitised code.)

HOST_SRC   := $(sort $(wildcard tests/fake/arch_hosted*.c)) \
              tests/unit/check_host.c $(PURE_SRC)
HOST_OBJ   := $(HOST_SRC:%.c=$(B)/host/%.o) $(B)/host/fpu.o
HOST_FLAGS := -std=gnu11 -O2 -g -I. -MMD -MP -m64 $(WARN) \
              $(if $(findstring clang,$(CC)),,-Wno-maybe-uninitialized) \
              -fno-strict-aliasing -fno-omit-frame-pointer \
              -fsanitize=address,undefined -fno-sanitize-recover=all

$(B)/host/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(HOST_FLAGS) -c $< -o $@

$(B)/host/fpu.o: arch/x86/fpu.S
	@mkdir -p $(@D)
	$(CC) -m64 -I. -MMD -MP -c $< -o $@

$(B)/trapline-host: $(HOST_OBJ)
	$(CC) $(HOST_FLAGS) $(HOST_OBJ) -o $@

.PHONY: host
host: $(B)/trapline-host

-include $(HOST_OBJ:.o=.d)
