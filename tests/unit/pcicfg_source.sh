#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What cannot be seen at run time of libpcicfg: how the engine and its tables are made.
set -eu
src=${srcdir:-.}/libpcicfg
failed=0

# expect_none NAME: the test NAME holds if standard input is empty
expect_none() {
	if found=$(grep .); then
		printf 'FAIL: %s\n%s\n' "$1" "$found"
		failed=1
	else
		echo "PASS: $1"
	fi
}

code() { sed 's,/\*[^*]*\*/,,g; s/"[^"]*"//g' "$@" | grep -v '^ \*'; }

# review 1: "Why can't we [...] use the macros in pci_regs.h for this purpose?"
code "$src"/tables_*.c | grep -E '\.(virt|write|rw1c|start) *=' |
	grep -E '0x[0-9a-f]{3,}|[^A-Z0-9_x][0-9]{2,}' | grep -vE '(WORD[01]|BYTE[0-3])\((0xff|0xffff|~.*)\)' |
	expect_none no_mask_in_the_tables_is_a_bare_number

# review 3: "Also -are all these readonly? So const?"
"$NM" "$PCICFG_KERNEL" | grep -E ' [BbCcDdGgSs] ' | expect_none the_engine_has_no_data_that_can_be_written

# DESIGN: no allocation, no lock, no I/O; and in the kernel nothing that a module would have to bring along
"$NM" -u "$PCICFG_KERNEL" | sed -n 's/^ *U //p' | grep -vE '^(memset|pcicfg_.*)$' |
	expect_none the_engine_calls_nothing_but_memset

# DESIGN: one header knows the kernel from user space
grep -lE '^ *# *(include *<|if.*__KERNEL__)' "$src"/*.c "$src"/*.h |
	grep -vE '/(pcicfg|port)\.h$' | expect_none only_the_port_header_knows_the_kernel_from_user_space

# review 2, 12: words of memory that is little-endian have a type that says so
grep -nE '__u(16|32) +(user|virt)\[' "$src"/pcicfg.h | expect_none memory_in_the_order_of_config_space_has_a_little_endian_type

exit $failed
