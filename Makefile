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
