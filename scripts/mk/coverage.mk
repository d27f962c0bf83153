# SPDX-License-Identifier: MIT
#
# Coverage: the pure layers once more, by clang with a counter in each region
# of the source. Linked to the unit tests, and to the machine parts of the VMM
# ($(B)/coverage/trapline64.elf), whose counters scripts/coverage.py reads out
# of the machine's memory.
#
#   make coverage   runs it all; table here, report in $(B)/coverage

COVER       := -fprofile-instr-generate -fcoverage-mapping
COVER_UNIT  := $(filter-out -fsanitize% -fno-sanitize%,$(UNIT_FLAGS))
COVER_TESTS := $(UNIT_TESTS:tests/unit/%.c=$(B)/unit/coverage/%)
COVER_OBJ   := $(patsubst $(B)/vmm/%,$(B)/coverage/vmm/%, \
               $(filter $(PURE_SRC:%.c=$(B)/vmm/%.o),$(VMM_OBJ))) \
               $(filter-out $(PURE_SRC:%.c=$(B)/vmm/%.o),$(VMM_OBJ))

$(B)/unit/coverage/%.o: %.c
	@mkdir -p $(@D)
	clang $(COVER_UNIT) $(COVER) -c $< -o $@

$(foreach d,$(UNIT_DIRS),$(eval $(call unit_archive,coverage,$(d))))

$(B)/unit/coverage/test_%: tests/unit/test_%.c \
        tests/unit/check_host.c $(B)/unit/gcc-64/fpu.o \
        $$(foreach d,$$(call unit_links,$$*),$(B)/unit/coverage/$$d.a)
	@mkdir -p $(@D)
	clang $(COVER_UNIT) $(UNIT_TEST) -fprofile-instr-generate $< \
	    tests/unit/check_host.c $(filter %.o,$^) \
	    -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -o $@

$(B)/coverage/vmm/%.o: %.c
	@mkdir -p $(@D)
	clang $(VMM_FLAGS) $(COVER) -c $< -o $@

$(B)/coverage/trapline64.elf: $(COVER_OBJ) arch/x86/vmm.ld scripts/ksyms.py
	$(PYTHON) scripts/ksyms.py --empty $(@D)/ksyms0.S
	$(CC) $(VMM_FLAGS) -c $(@D)/ksyms0.S -o $(@D)/ksyms0.o
	$(LD) -nostdlib -z noexecstack -z max-page-size=4096 -T arch/x86/vmm.ld \
	    -o $@ $(COVER_OBJ) $(@D)/ksyms0.o

$(B)/coverage/trapline.elf: $(B)/coverage/trapline64.elf
	$(OBJCOPY) -O elf32-i386 $< $@

.PHONY: coverage coverage-programs
coverage-programs: $(COVER_TESTS) $(B)/coverage/trapline.elf $(MICRO_ELFS) \
        $(ATTACK_ELFS) $(B)/hare.elf

test-programs: coverage-programs

coverage: coverage-programs
	$(PYTHON) scripts/coverage.py $(B) --html

-include $(COVER_OBJ:.o=.d)
