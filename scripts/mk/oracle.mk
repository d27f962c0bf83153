# SPDX-License-Identifier: MIT
#
# Judges from outside. $(B)/oracle/decode is our decoder against Zydis and
# Capstone (packages libzydis-dev, libcapstone-dev), $(B)/oracle/disasm our
# disassembler against objdump (tests/oracle/disasm.py feeds it):
#
#   make oracle                             ten million byte strings
#   make oracle ORACLE_STRINGS=100000000 ORACLE_SEED=5

ORACLE_FLAGS   := -std=gnu11 -O2 -g -I. -MMD -MP -Wall -Wextra -Werror \
                  -Wno-unused-parameter -fno-strict-aliasing
ORACLE_DECODE  := $(patsubst %.c,$(B)/oracle/obj/%.o, \
                  $(sort $(wildcard tests/oracle/decode/*.c)) \
                  $(addprefix vmm/cpu/,decode.c rows.c disasm.c) \
                  tests/unit/check_host.c)
ORACLE_STRINGS := 10000000
ORACLE_SEED    := 1

$(B)/oracle/obj/%.o: %.c
	@mkdir -p $(@D)
	gcc $(ORACLE_FLAGS) -c $< -o $@

$(B)/oracle/decode: $(ORACLE_DECODE)
	gcc $^ -lZydis -lcapstone -o $@

ORACLE_DISASM  := $(patsubst %.c,$(B)/oracle/obj/%.o, \
                  $(sort $(wildcard tests/oracle/disasm/*.c)) \
                  $(addprefix vmm/cpu/,decode.c rows.c disasm.c) \
                  tests/unit/check_host.c)

$(B)/oracle/disasm: $(ORACLE_DISASM)
	gcc $^ -o $@

-include $(ORACLE_DECODE:.o=.d) $(ORACLE_DISASM:.o=.d)

# Which row was judged by whom (tests/oracle/rows.py): the unit tests of
# vmm/cpu and the hosted VMM once more, with every step watched. Tests that hold
# our own code against our own code are no oracles.
ROWS_TESTS := $(filter-out block decode disasm hosted,$(patsubst \
              tests/unit/test_%.c,%,$(shell grep -l \
              'LINKS: vmm/cpu vmm/base$$' tests/unit/*.c)))
ROWS_UNITS := $(ROWS_TESTS:%=$(B)/oracle/rows/test_%)
ROWS_LIBS  := $(addprefix $(B)/unit/gcc-64/,tests/unit/check_host.o fpu.o \
              vmm/cpu.a vmm/base.a)

$(B)/oracle/rows/test_%: tests/unit/test_%.c $(B)/oracle/obj/tests/oracle/rows/rows.o \
                         $(ROWS_LIBS)
	@mkdir -p $(@D)
	gcc -std=gnu11 -I. -MMD -MP $< $(filter %.o %.a,$^) -fsanitize=address,undefined \
	    -Wl,--wrap=cpu_step -o $@

-include $(ROWS_UNITS:=.d)

$(B)/oracle/host: $(HOST_OBJ) $(B)/oracle/obj/tests/oracle/rows/rows.o
	$(CC) $(HOST_FLAGS) $^ -Wl,--wrap=cpu_step -o $@

ORACLE_PROGRAMS := $(B)/oracle/decode $(B)/oracle/disasm $(B)/oracle/host \
                   $(ROWS_UNITS)

.PHONY: oracle
oracle: $(ORACLE_PROGRAMS) $(B)/hare.elf
	timeout 3600 $(B)/oracle/decode $(ORACLE_STRINGS) $(ORACLE_SEED)
	$(PYTHON) tests/oracle/disasm.py --build $(B) hare
	$(PYTHON) tests/oracle/disasm.py --build $(B) kernel || test $$? -eq 77
