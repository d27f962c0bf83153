# SPDX-License-Identifier: MIT
#
# Unit tests, micro-guests, boot tests, checks and the bench.
#
# Each tests/unit/test_*.c is built four ways: gcc and clang, -m64 and -m32,
# all under ASan and UBSan. Pure folders, and the guest's policies, which are
# as pure, become one archive per variant, so that a test links just the
# folders its "LINKS:" line names, and the FPU's stubs, which are of no folder.
# A test's own file is built without optimisation: it is long, runs once, and
# is built five times.

UNIT_VARIANTS := gcc-64 gcc-32 clang-64 clang-32
UNIT_TESTS    := $(sort $(wildcard tests/unit/test_*.c))
UNIT_FLAGS    := -std=gnu11 -O1 -g -I. -MMD -MP -Wall -Wextra -Werror \
                 -Wno-unused-parameter -fno-strict-aliasing \
                 -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_TEST     := -O0

.SECONDARY:
.SECONDEXPANSION:

# $(call unit_links,name): the folders that test_name.c is linked with.
unit_links = $(shell sed -n 's/.*LINKS: //p' tests/unit/test_$(1).c)

# $(call unit_variant,compiler,width)
define unit_variant
$(B)/unit/$(1)-$(2)/%.o: %.c
	@mkdir -p $$(@D)
	$(1) -m$(2) $(UNIT_FLAGS) -c $$< -o $$@

$(B)/unit/$(1)-$(2)/fpu.o: arch/x86/fpu.S
	@mkdir -p $$(@D)
	gcc -m$(2) -I. -MMD -MP -c $$< -o $$@

$(foreach d,$(UNIT_DIRS),$(eval $(call unit_archive,$(1)-$(2),$(d))))

$(B)/unit/$(1)-$(2)/test_%: tests/unit/test_%.c \
        $(B)/unit/$(1)-$(2)/tests/unit/check_host.o \
        $(B)/unit/$(1)-$(2)/fpu.o \
        $$$$(foreach d,$$$$(call unit_links,$$$$*),$(B)/unit/$(1)-$(2)/$$$$d.a)
	@mkdir -p $$(@D)
	$(1) -m$(2) $(UNIT_FLAGS) $(UNIT_TEST) $$< $(B)/unit/$(1)-$(2)/tests/unit/check_host.o \
	    $(B)/unit/$(1)-$(2)/fpu.o -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -o $$@
endef

define unit_archive
$(B)/unit/$(1)/$(2).a: $(patsubst %.c,$(B)/unit/$(1)/%.o,$(wildcard $(2)/*.c))
	@mkdir -p $$(@D)
	rm -f $$@ && ar rcs $$@ $$^
endef

$(eval $(call unit_variant,gcc,64))
$(eval $(call unit_variant,gcc,32))
$(eval $(call unit_variant,clang,64))
$(eval $(call unit_variant,clang,32))

UNIT_BINS := $(foreach v,$(UNIT_VARIANTS),\
             $(UNIT_TESTS:tests/unit/%.c=$(B)/unit/$(v)/%))

# make unit-NAME: one test, all four variants, run.
unit-%: $$(foreach v,$(UNIT_VARIANTS),$(B)/unit/$$(v)/test_$$*)
	@for b in $^; do echo "$$b"; timeout 120 $$b || exit 1; done

.PHONY: unit
unit: $(UNIT_BINS)
	@for b in $^; do timeout 120 $$b >$$b.log 2>&1 || \
	    { echo "FAIL $$b"; cat $$b.log; exit 1; }; done; \
	    echo "$(words $(UNIT_BINS)) unit programs pass"

# Everything that tests/run.py runs; the micro-guests add theirs to MICRO_ELFS.
-include scripts/mk/bench.mk scripts/mk/diff.mk scripts/mk/micro.mk scripts/mk/attack.mk scripts/mk/fuzz.mk scripts/mk/linux.mk scripts/mk/oracle.mk \
    scripts/mk/docs.mk
.PHONY: test-programs test check bench tour
test-programs: all $(B)/hare-pushf.elf $(UNIT_BINS) $(B)/diff/native $(MICRO_ELFS) \
        $(ATTACK_ELFS) $(B)/witness.elf $(FUZZ_PROGRAMS) $(B)/linux.bin \
        $(B)/trapline-host $(ORACLE_PROGRAMS) $(B)/bench/interp

test:
	@$(PYTHON) tests/run.py --build $(B) --only '$(ONLY)'

check:
	@$(PYTHON) tests/run.py --build $(B) --kinds check,unit --only '$(ONLY)'

bench: $(B)/trapline.elf $(B)/hare.elf $(B)/bench/interp
	$(PYTHON) scripts/bench.py $(B) --json $(B)/bench.json

# Rewrites what clang-format would have otherwise.
.PHONY: fmt
fmt:
	git ls-files '*.c' '*.h' | xargs clang-format -i

tour:
	@$(PYTHON) scripts/tour.py

-include $(shell find $(B)/unit -name '*.d' 2>/dev/null)
