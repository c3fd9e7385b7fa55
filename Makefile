# Builds the ctscope commands into build/. See README.md; `make help` lists the targets.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/ctscope
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
INSTALL ?= install
PKG_CONFIG ?= pkg-config
OBJCOPY ?= objcopy
B ?= build
CFLAGS ?= -O2 -g
WERROR ?=

VERSION := $(shell cat VERSION)
PACKAGES := libmnl libnetfilter_conntrack json-c libpcap libcap-ng libseccomp
SCREEN := ncursesw

WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wformat=2 -Wundef -Wvla -Wno-missing-field-initializers $(WERROR)
HARDEN ?= -fstack-protector-strong -fstack-clash-protection -fPIE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
HARDEN_LD ?= -pie -Wl,-z,relro,-z,now
# Where long has 32 bits: files beyond 2 GiB, times beyond 2038. What talks to libpcap takes its time_t as that was built.
WIDE := -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
$(B)/lib/capture.o: WIDE := -D_FILE_OFFSET_BITS=64
override CPPFLAGS += -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DDATADIR='"$(DATADIR)"' -Ilib
compile = $(CC) -std=gnu11 $(WARN) $(HARDEN) $(CPPFLAGS) $(WIDE) $(CFLAGS) $(DEPCFLAGS) -MMD -MP
link = $(CC) $(HARDEN) $(CFLAGS) $(HARDEN_LD) $(LDFLAGS)

# cmd/ctwatch.c is a command, cmd/ctwatch-invalid.c a part of it.
COMMANDS := $(patsubst cmd/%.c,%,$(filter-out $(wildcard cmd/*-*.c),$(wildcard cmd/ct*.c)))
SHARED := $(patsubst cmd/%.c,$(B)/cmd/%.o,$(filter-out cmd/ct%.c,$(wildcard cmd/*.c)))
LIB := $(patsubst lib/%.c,$(B)/lib/%.o,$(wildcard lib/*.c))
TOOLS := $(patsubst tests/tools/%.c,$(B)/tests/%,$(wildcard tests/tools/*.c))
UNITS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c))
BENCHES := $(patsubst bench/%.c,$(B)/bench/%,$(wildcard bench/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/*.c))
REPLAYS := $(FUZZERS:$(B)/fuzz/%=$(B)/replay/%)

ifneq ($(V),1)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
endif

.PHONY: all
all: $(addprefix $(B)/,$(COMMANDS)) pages	## build the commands (the default)

# --- what must be there; contrib/packages knows which package brings it -----------------------------
packages_of = $(shell $(PKG_CONFIG) $(2) $(1) 2>/dev/null)

# These goals need nothing, or install it first and start make again.
ifneq ($(filter-out clean help check-32 demo test test-kernels uninstall,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell $(PKG_CONFIG) --exists $(PACKAGES) $(SCREEN) 2>/dev/null && echo yes),yes)
$(error packages are missing. This installs them: $(shell PKG_CONFIG=$(PKG_CONFIG) sh contrib/packages command build), and so does `make demo`)
endif
endif

override CPPFLAGS += $(call packages_of,$(PACKAGES) $(SCREEN),--cflags)
LIBS := $(call packages_of,$(PACKAGES),--libs)
$(B)/cttop: LIBS += $(call packages_of,$(SCREEN),--libs)

# --- building ----------------------------------------------------------------------------------------
.SECONDEXPANSION:
parts = $(patsubst cmd/%.c,$(B)/cmd/%.o,$(wildcard cmd/$(1).c cmd/$(1)-*.c))
$(addprefix $(B)/,$(COMMANDS)): $(B)/%: $$(call parts,$$*) $(SHARED) $(B)/libctscope.a
	$(call say,LINK,$@)
	$(Q)$(link) -o $@ $^ $(LIBS)

$(B)/libctscope.a: $(LIB)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: %.c Makefile VERSION
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(compile) -c -o $@ $<

# Test tools are witnesses: they link libmnl and nothing of ours.
$(TOOLS): $(B)/tests/%: tests/tools/%.c Makefile
	$(call say,TOOL,$@)
	$(Q)mkdir -p $(@D) && $(compile) -MF $@.d -o $@ $< $(LDFLAGS) $(HARDEN_LD) -lmnl

$(UNITS): $(B)/unit/%: $(B)/tests/unit/%.o $(SHARED) $(B)/libctscope.a
	$(call say,UNIT,$@)
	$(Q)mkdir -p $(@D) && $(link) -o $@ $^ $(LIBS) $(call packages_of,cmocka,--libs)

$(BENCHES): $(B)/bench/%: bench/%.c Makefile
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D) && $(compile) -MF $@.d -o $@ $< $(LDFLAGS) $(HARDEN_LD) -lmnl

# All commands in one program: the fuzz target `options` looks at their tables.
$(B)/renamed/%.o: $(B)/cmd/%.o
	$(Q)mkdir -p $(@D) && $(OBJCOPY) --redefine-sym main=$*_main --redefine-sym command=$*_command \
		--globalize-symbol=$*_command $< $@
RENAMED := $(patsubst cmd/%.c,$(B)/renamed/%.o,$(wildcard cmd/ct*.c)) $(SHARED)
$(B)/fuzz/options $(B)/replay/options: $(RENAMED)
$(B)/fuzz/options $(B)/replay/options: LDFLAGS += -Wl,--wrap=exit
$(B)/fuzz/options $(B)/replay/options $(B)/fuzz/keys $(B)/replay/keys: LIBS += $(call packages_of,$(SCREEN),--libs)

$(FUZZERS): $(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/libctscope.a
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && $(link) -fsanitize=fuzzer -o $@ $(filter-out %libctscope.a,$^) $(B)/libctscope.a $(LIBS)

# The fuzz targets with a main() that only reads files: the tests feed them what was found before.
$(REPLAYS): $(B)/replay/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay/main.o $(B)/libctscope.a
	$(call say,REPLAY,$@)
	$(Q)mkdir -p $(@D) && $(link) -o $@ $(filter-out %libctscope.a,$^) $(B)/libctscope.a $(LIBS)

.PHONY: tools units benches fuzzers replays
tools: $(TOOLS)
units: $(UNITS)
benches: $(BENCHES)
fuzzers: $(FUZZERS)
replays: $(REPLAYS)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# Who says nothing about -j gets all processors where make is started again.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 1))

# --- looking, testing --------------------------------------------------------------------------------
.PHONY: demo test check check-32 sanitize soak valgrind fuzz bench test-kernels
demo:	## show cttop on real traffic; installs what is missing (NO_INSTALL=1: only names it)
	@command -v bash >/dev/null || sh contrib/packages install bash
	@MAKE='$(MAKE) $(PARALLEL)' contrib/demo

test:	## install what the tests need, build, run all tests
	@sh contrib/packages install build test
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory check

check: all tools units replays	## run the tests, or T="NAME..." of them, with what is there
	$(Q)B=$(B) tests/run $(T)

check-32:	## build for a 32-bit machine, in a Debian for i386 below build-root, run the tests that replay, or T="NAME..."
	@sh contrib/packages install 32bit
	$(Q)T='$(T)' tests/32bit

SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
sanitize:	## build in build-sanitize with address and undefined-behaviour checks, run the tests
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory B=build-sanitize CFLAGS='$(SANITIZE)' HARDEN= HARDEN_LD= check

SOAK_SECONDS ?= 300
soak:	## sanitize, but only cttop under churn, for SOAK_SECONDS=300
	$(Q)SOAK_SECONDS=$(SOAK_SECONDS) LIMIT=$$(($(SOAK_SECONDS) * 2 + 120)) $(MAKE) --no-print-directory sanitize T=cttop-soak

# Commands that run under valgrind stand where tests look for them. It translates code as it goes, which
# no system call filter allows. What it has to say is also looked for where no test waits for the status.
VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite --show-leak-kinds=definite
VALGRIND_SAYS := Invalid|uninitialised|overlap|definitely lost|Mismatched|unaddressable|silly arg
valgrind: all tools replays	## run all tests, or T="NAME...", with the commands under valgrind; half an hour
	$(Q)rm -rf build-valgrind && mkdir -p build-valgrind/log && chmod 1777 build-valgrind/log
	$(Q)ln -s $(addprefix $(abspath $(B))/,tests man completions replay) build-valgrind/
	$(Q)for c in $(COMMANDS); do \
		printf '#!/bin/sh\nexec $(VALGRIND) --log-file=%s/log/%%p %s --no-sandbox "$$@"\n' \
			"$(abspath build-valgrind)" "$(abspath $(B))/$$c" >build-valgrind/$$c && \
		chmod +x build-valgrind/$$c || exit; done
	$(Q)B=build-valgrind LIMIT=2400 tests/run $(T); status=$$?; \
		! grep -hE '$(VALGRIND_SAYS)' -A 12 -r build-valgrind/log && exit $$status

FUZZ := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_SECONDS ?= 60
fuzz:	## run each fuzz target, or T="NAME...", for FUZZ_SECONDS=60 seconds, from tests/fuzz/corpus
	@sh contrib/packages install fuzz
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory B=build-fuzz CC=clang CFLAGS='$(FUZZ)' HARDEN= HARDEN_LD= fuzzers
	$(Q)B=build-fuzz FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(T)

bench: all tools benches	## measure, and print one table
	$(Q)B=$(B) bench/run

test-kernels:	## run the tests on other kernels, in virtual machines: KERNELS="5.10 6.1 6.12 unstable", SMOKE=1 for few
	@sh contrib/packages install build test kernels
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory all tools
	$(Q)B=$(B) KERNELS='$(KERNELS)' SMOKE='$(SMOKE)' T='$(T)' F='$(F)' LIMIT='$(LIMIT)' FRESH='$(FRESH)' tests/kernels/run

# --- reading the code --------------------------------------------------------------------------------
# cppcheck: what is off and why.
#   missingIncludeSystem: headers of the system are not looked into
#   ctunullpointer forgets across files which functions do not come back (.cppcheck.cfg)
#   unusedFunction is not asked for: the library serves commands that cppcheck sees one at a time
CPPCHECK := --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --quiet \
	--std=c11 --suppress=missingIncludeSystem --suppress=ctunullpointer --library=.cppcheck.cfg -Ilib
# gcc -fanalyzer: what is off and why.
#   malloc-leak, file-leak: commands end by exit() and leave the rest to the kernel
ANALYZER := -O1 -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-file-leak -Werror
CODE := $(wildcard cmd/*.c lib/*.c)
SCRIPTS := $(shell grep -lsE '^.!/.*(bash|sh)$$' bench/run contrib/* man/* tests/run tests/32bit tests/fuzz/* .ci/*) $(wildcard tests/lib/*.bash)

.PHONY: analyze analyze-packages analyze-tidy analyze-cppcheck analyze-shell analyze-gcc
analyze: analyze-packages analyze-shell analyze-cppcheck analyze-gcc analyze-tidy	## clang-tidy, cppcheck, gcc -fanalyzer, shellcheck
analyze-packages:
	@sh contrib/packages install analyze
analyze-tidy:
	printf '%s\n' $(CODE) | xargs -P $$(nproc) -I {} \
		clang-tidy --quiet --warnings-as-errors='*' {} -- -std=gnu11 $(CPPFLAGS)
analyze-cppcheck:
	cppcheck $(CPPCHECK) cmd lib tests/tools
analyze-shell:
	shellcheck -x $(SCRIPTS)
analyze-gcc:
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory B=build-analyze CC=gcc CFLAGS='$(ANALYZER)' HARDEN= all

# --- what shells and readers want -------------------------------------------------------------------
COMPLETIONS := $(patsubst completions/%,$(B)/completions/%,$(wildcard completions/*))
$(COMPLETIONS): $(B)/completions/%: completions/%
	$(Q)mkdir -p $(@D) && sed 's/@COMMANDS@/$(sort $(COMMANDS))/' $< >$@

# Manual pages with lists that the commands know; see man/expand.
PAGES := $(patsubst man/%.in,$(B)/man/%,$(wildcard man/*.in))
$(PAGES): $(B)/man/%: man/%.in man/expand man/wrap $(B)/ctlist $(B)/ctwatch
	$(call say,PAGE,$@)
	$(Q)mkdir -p $(@D) && B=$(B) man/expand $< >$@.new && mv $@.new $@

.PHONY: pages
pages: $(COMPLETIONS) $(PAGES)

# --- installing --------------------------------------------------------------------------------------
MANUAL := $(wildcard man/*.[1-8]) $(PAGES)
SCHEMAS := $(wildcard schema/*.json)
D := $(DESTDIR)
page = $(MANDIR)/man$(subst .,,$(suffix $1))/$(notdir $1)
define newline


endef

.PHONY: install uninstall
install: all	## install below PREFIX=/usr/local, everything below DESTDIR if set
	$(INSTALL) -d '$(D)$(BINDIR)' '$(D)$(DATADIR)/schema'
	$(INSTALL) -m 755 $(addprefix $(B)/,$(COMMANDS)) '$(D)$(BINDIR)'
	$(INSTALL) -d '$(D)$(BASHCOMPDIR)' '$(D)$(ZSHCOMPDIR)' '$(D)$(FISHCOMPDIR)'
	$(INSTALL) -m 644 $(SCHEMAS) '$(D)$(DATADIR)/schema'
	$(foreach m,$(MANUAL),$(INSTALL) -Dm 644 $m '$(D)$(call page,$m)'$(newline))
	$(foreach c,$(COMMANDS),$(INSTALL) -m 644 $(B)/completions/ctscope.bash '$(D)$(BASHCOMPDIR)/$c'$(newline))
	$(foreach c,$(COMMANDS),$(INSTALL) -m 644 $(B)/completions/ctscope.fish '$(D)$(FISHCOMPDIR)/$c.fish'$(newline))
	$(INSTALL) -m 644 $(B)/completions/ctscope.zsh '$(D)$(ZSHCOMPDIR)/_ctscope'

uninstall:	## remove what install put there
	rm -f $(foreach c,$(COMMANDS),'$(D)$(BINDIR)/$c' '$(D)$(BASHCOMPDIR)/$c' '$(D)$(FISHCOMPDIR)/$c.fish')
	rm -f $(foreach m,$(MANUAL),'$(D)$(call page,$m)') '$(D)$(ZSHCOMPDIR)/_ctscope'
	rm -rf '$(D)$(DATADIR)'

.PHONY: clean help
clean:	## remove what was built
	rm -rf $(B) build-*

help:	## print this
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 21
