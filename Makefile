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
override CPPFLAGS += -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DDATADIR='"$(DATADIR)"' -Ilib
compile = $(CC) -std=gnu11 $(WARN) $(HARDEN) $(CPPFLAGS) $(CFLAGS) $(DEPCFLAGS) -MMD -MP
link = $(CC) $(HARDEN) $(CFLAGS) $(HARDEN_LD) $(LDFLAGS)

COMMANDS := $(patsubst cmd/%.c,%,$(wildcard cmd/ct*.c))
SHARED := $(patsubst cmd/%.c,$(B)/cmd/%.o,$(filter-out cmd/ct%.c,$(wildcard cmd/*.c)))
LIB := $(patsubst lib/%.c,$(B)/lib/%.o,$(wildcard lib/*.c))
TOOLS := $(patsubst tests/tools/%.c,$(B)/tests/%,$(wildcard tests/tools/*.c))
UNITS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c))
BENCHES := $(patsubst bench/%.c,$(B)/bench/%,$(wildcard bench/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/*.c))

ifneq ($(V),1)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
endif

.PHONY: all
all: $(addprefix $(B)/,$(COMMANDS))

# --- what must be there, and which package brings it -------------------------------------------------
packages_of = $(shell $(PKG_CONFIG) $(2) $(1) 2>/dev/null)
DEBIAN_libmnl := libmnl-dev
DEBIAN_libnetfilter_conntrack := libnetfilter-conntrack-dev
DEBIAN_json-c := libjson-c-dev
DEBIAN_libpcap := libpcap-dev
DEBIAN_libcap-ng := libcap-ng-dev
DEBIAN_libseccomp := libseccomp-dev
DEBIAN_ncursesw := libncurses-dev
DEBIAN_cmocka := libcmocka-dev

ifeq ($(filter clean help install-packages demo test,$(MAKECMDGOALS)),)
ifeq ($(shell command -v $(PKG_CONFIG) 2>/dev/null),)
$(error $(PKG_CONFIG) is missing: apt install pkg-config)
endif
MISSING := $(foreach p,$(PACKAGES) $(SCREEN),$(if $(shell $(PKG_CONFIG) --exists $(p) && echo yes),,$(p)))
ifneq ($(strip $(MISSING)),)
$(error $(strip $(MISSING)) not found: apt install $(foreach p,$(MISSING),$(DEBIAN_$(p))), or `make demo`, which installs what is missing)
endif
endif

override CPPFLAGS += $(call packages_of,$(PACKAGES) $(SCREEN),--cflags)
LIBS := $(call packages_of,$(PACKAGES),--libs)
$(B)/cttop: LIBS += $(call packages_of,$(SCREEN),--libs)

# --- building ----------------------------------------------------------------------------------------
$(addprefix $(B)/,$(COMMANDS)): $(B)/%: $(B)/cmd/%.o $(SHARED) $(B)/libctscope.a
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

.PHONY: tools units benches clean
tools: $(TOOLS)
units: $(UNITS)
benches: $(BENCHES)

clean:
	rm -rf $(B) build-*

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: check test
check: all tools units
	$(Q)B=$(B) tests/run $(T)
test: check

# Other kernels than this one, in virtual machines: KERNELS='5.10 6.12' chooses, SMOKE=1 is short.
.PHONY: test-kernels
test-kernels: all tools
	$(Q)B=$(B) KERNELS='$(KERNELS)' SMOKE='$(SMOKE)' LIMIT='$(LIMIT)' FRESH='$(FRESH)' tests/kernels/run

.PHONY: bench
bench: all tools benches
	$(Q)B=$(B) bench/run
