#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What cannot be seen at run time of libpcicfg: how the engine and its tables are made.
set -eu
src=${srcdir:-.}/libpcicfg
failed=0

# expect NAME FOUND: the test NAME holds if nothing was found
expect() {
	if [ -n "$2" ]; then
		printf 'FAIL: %s\n%s\n' "$1" "$2"
		failed=1
	else
		echo "PASS: $1"
	fi
}

# The code of tables without comments and texts.
code() { sed 's,/\*[^*]*\*/,,g; s/"[^"]*"//g' "$@" | grep -v '^ \*'; }

# What is for people has all of libc, and is not compiled into the kernel.
engine_files() { printf '%s\n' "$src"/*.c "$src"/*.h | grep -vE '/(dump|names|people|pcicfg_people|sysfs)\.[ch]$'; }

symbols=$(${NM:-nm} "$PCICFG_KERNEL")
case $symbols in *' T pcicfg_read'*) ;; *) echo "FAIL: $PCICFG_KERNEL is not the engine" && exit 1 ;; esac

# review 1: "Why can't we [...] use the macros in pci_regs.h for this purpose?"
expect no_mask_in_the_tables_is_a_bare_number "$(code "$src"/tables_*.c |
	grep -E '\.(virt|write|rw1c|start) *=' | grep -E '0x[0-9a-f]{3,}|[^A-Z0-9_x][0-9]{2,}' |
	grep -vE '(WORD[01]|BYTE[0-3])\((0xff|0xffff|~.*)\)' || true)"

# review 3: "Also -are all these readonly? So const?"
expect the_engine_has_no_data_that_can_be_written "$(echo "$symbols" | grep -E ' [BbCcDdGgSs] ' || true)"

# DESIGN: no allocation, no lock, no I/O; and in the kernel nothing that a module would have to bring along
expect the_engine_calls_nothing_but_memset "$(echo "$symbols" | sed -n 's/^ *U //p' |
	grep -vE '^(memset|pcicfg_.*)$' || true)"

# DESIGN: one header knows the kernel from user space
expect only_the_port_header_knows_the_kernel_from_user_space "$(engine_files |
	xargs grep -lE '^ *# *(include *<|if.*__KERNEL__)' | grep -vE '/(pcicfg|port)\.h$' || true)"

# review 2, 12: words of memory that is little-endian have a type that says so
expect memory_in_the_order_of_config_space_has_a_little_endian_type \
	"$(grep -nE '__u(16|32) +(user|virt)\[' "$src"/pcicfg.h || true)"

expect every_public_function_is_in_the_manual_page "$(sed -n 's/^[[:space:]]*\(pcicfg_[a-z_]*\);.*/\1/p' "$src/libpcicfg.map" |
	while read -r name; do grep -q "^\.F[nv].*$name\|^\.Va $name" "${srcdir:-.}/man/libpcicfg.3" || echo "$name"; done)"

exit $failed
