# SPDX-License-Identifier: MIT
#
# The interpreter as an ordinary program, compiled as in the VMM and without
# sanitizers: $(B)/bench/interp tells its speed on this machine.

BENCH_SRC := $(PURE_SRC) tests/bench/interp.c tests/unit/check_host.c
BENCH_OBJ := $(BENCH_SRC:%.c=$(B)/bench/%.o) $(B)/bench/fpu.o
BENCH_FLAGS := -std=gnu11 -O2 -g -I. -MMD -MP -Wall -Wextra -Werror \
               -Wno-unused-parameter -fno-strict-aliasing

$(B)/bench/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -c $< -o $@

$(B)/bench/fpu.o: arch/x86/fpu.S
	@mkdir -p $(@D)
	$(CC) -I. -MMD -MP -c $< -o $@

$(B)/bench/interp: $(BENCH_OBJ)
	$(CC) -no-pie $^ -o $@

-include $(BENCH_OBJ:.o=.d)
