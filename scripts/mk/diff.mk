# SPDX-License-Identifier: MIT
#
# The emulator against the processor this machine has: the same instruction
# bytes, registers, flags and memory, run natively in a 32-bit process and by
# cpu_step().
# No stack protector: a signal's handler runs with the GS that the test loaded,
# and the canary is behind GS.

DIFF_SRC   := $(wildcard tests/diff/*.c) tests/unit/check_host.c arch/x86/fpu.S \
              $(wildcard vmm/base/*.c vmm/cpu/*.c)
DIFF_CASES ?= 5200000
DIFF_SEED  ?= 1

$(B)/diff/native: $(DIFF_SRC) $(wildcard tests/diff/*.h vmm/cpu/*.h) \
                  $(wildcard vmm/cpu/*.def)
	@mkdir -p $(@D)
	gcc -m32 -std=gnu11 -O1 -g -I. -Wall -Wextra -Werror -fno-pie -no-pie \
	    -Wno-unused-parameter -fno-strict-aliasing -fno-stack-protector \
	    -fsanitize=undefined -fno-sanitize-recover=all $(DIFF_SRC) -o $@

.PHONY: diff
diff: $(B)/diff/native
	timeout 600 $< $(DIFF_CASES) $(DIFF_SEED)
