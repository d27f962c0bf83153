# SPDX-License-Identifier: MIT
#
# Fuzzing. The random guest: tests/fuzz/random/ and the library of the
# micro-guests are one multiboot ELF, $(B)/fuzz/random.elf.
#
#   make fuzz FUZZ_TIME=600 SEED=1 JOBS=2    both fuzzers; 0 s is for ever
#   make fuzz ROUNDS=1 SEED=123              one round, by its seed
#   make fuzz T=step FUZZ_TIME=60            one host fuzzer alone: decode, step,
#                                            shadow, bus, config, elf, linux,
#                                            guest, bootinfo, monitor, gdb,
#                                            symbols

FUZZ_GUEST := $(patsubst tests/fuzz/random/%,$(B)/fuzz/obj/%.o, \
              $(sort $(wildcard tests/fuzz/random/*.c tests/fuzz/random/*.S)))

$(B)/fuzz/obj/%.o: tests/fuzz/random/%
	@mkdir -p $(@D)
	$(CC) $(MICRO_FLAGS) -c $< -o $@

$(B)/fuzz/random.elf: $(FUZZ_GUEST) $(MICRO_LIB) tests/micro/lib/micro.ld
	$(LD) -m elf_i386 -nostdlib -z noexecstack -z max-page-size=4096 \
	    --no-warn-rwx-segments -T tests/micro/lib/micro.ld \
	    -e random_start -o $@ $(FUZZ_GUEST) $(MICRO_LIB)

-include $(FUZZ_GUEST:.o=.d)

# The host fuzzers: one libFuzzer program, $(B)/fuzz/host.
FUZZ_HOST  := $(sort $(wildcard tests/fuzz/host/*.c)) tests/unit/check_host.c
FUZZ_FLAGS := -std=gnu11 -O1 -g -I. -MMD -MP -Wall -Wextra -Werror \
              -Wno-unused-parameter -Wno-unused-function \
              -fno-strict-aliasing -fsanitize=fuzzer,address,undefined \
              -fno-sanitize-recover=all
FUZZ_OBJ   := $(patsubst %.c,$(B)/fuzz/host-obj/%.o,$(FUZZ_HOST) $(PURE_SRC)) \
              $(B)/unit/clang-64/fpu.o

$(B)/fuzz/host-obj/%.o: %.c
	@mkdir -p $(@D)
	clang $(FUZZ_FLAGS) -c $< -o $@

$(B)/fuzz/host: $(FUZZ_OBJ)
	clang $(FUZZ_FLAGS) $(FUZZ_OBJ) -o $@

-include $(FUZZ_OBJ:.o=.d)

# The same program by the name of each target. Its corpus grows beside it;
# tests/fuzz/corpus has what each starts with.
FUZZ_TARGETS := decode step shadow bus config elf linux guest bootinfo monitor \
                gdb symbols
FUZZ_HOSTS   := $(FUZZ_TARGETS:%=$(B)/fuzz/target/%)
$(FUZZ_HOSTS): $(B)/fuzz/host
	@mkdir -p $(@D)
	ln -f $< $@

FUZZ_PROGRAMS := $(B)/fuzz/random.elf $(B)/fuzz/host $(FUZZ_HOSTS)
FUZZ_TIME     := 600
SEED          := $(shell date +%s)
JOBS          := 2
ROUNDS        := 0

T             :=

.PHONY: fuzz
ifneq ($(T),)
fuzz: $(B)/fuzz/target/$(T)
	$(PYTHON) tests/fuzz/host.py --build $(B) --time $(FUZZ_TIME) \
	    --seed $(SEED) $(T)
else
fuzz: $(FUZZ_PROGRAMS) $(B)/trapline.elf $(B)/witness.elf
	$(PYTHON) tests/fuzz/run.py --build $(B) --seed $(SEED) --jobs $(JOBS) \
	    $(if $(filter 0,$(ROUNDS)),--time $(FUZZ_TIME) --host,\
	    --rounds $(ROUNDS) --verbose)
endif
