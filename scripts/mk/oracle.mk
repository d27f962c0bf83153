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

ORACLE_PROGRAMS := $(B)/oracle/decode $(B)/oracle/disasm

.PHONY: oracle
oracle: $(ORACLE_PROGRAMS) $(B)/hare.elf
	timeout 3600 $(B)/oracle/decode $(ORACLE_STRINGS) $(ORACLE_SEED)
	$(PYTHON) tests/oracle/disasm.py --build $(B) hare
	$(PYTHON) tests/oracle/disasm.py --build $(B) kernel || test $$? -eq 77
