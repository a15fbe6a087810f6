#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The built vfioctl without a daemon: its exit statuses, and one line on standard error for each mistake.
# VFIOCTL: the program, if it is not ./vfioctl/vfioctl
vfioctl=${VFIOCTL:-./vfioctl/vfioctl}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failures=0

fail()
{
	echo "FAIL: $1"
	failures=$((failures + 1))
}

# run STATUS ARGUMENT...: into $dir/out and $dir/err
run()
{
	wanted=$1
	shift
	"$vfioctl" "$@" >"$dir/out" 2>"$dir/err"
	got=$?
	[ "$got" = "$wanted" ] || fail "vfioctl $*: exit status $got, not $wanted"
}

# works ARGUMENT...: exits with 0, prints something, and says nothing on standard error
works()
{
	run 0 "$@"
	[ -s "$dir/out" ] || fail "vfioctl $*: prints nothing"
	[ ! -s "$dir/err" ] || fail "vfioctl $*: standard error: $(cat "$dir/err")"
}

# refuses STATUS TEXT ARGUMENT...: one line on standard error, with TEXT in it and what to do next behind a semicolon, a
# colon or a bracket; nothing on standard output
refuses()
{
	status=$1 text=$2
	shift 2
	run "$status" "$@"
	[ "$(wc -l <"$dir/err")" = 1 ] || fail "vfioctl $*: not one line: $(cat "$dir/err")"
	grep -q '^vfioctl: .*[;:(] *[a-z]' "$dir/err" || fail "vfioctl $*: not of the usual form: $(cat "$dir/err")"
	grep -qF -- "$text" "$dir/err" || fail "vfioctl $*: no \"$text\" in: $(cat "$dir/err")"
	[ ! -s "$dir/out" ] || fail "vfioctl $*: standard output: $(cat "$dir/out")"
}

# says TEXT: the last output has TEXT in it
says()
{
	grep -qF -- "$1" "$dir/out" || fail "no \"$1\" in: $(cat "$dir/out")"
}

help_explains_every_command()
{
	works --help
	says 'Commands:'
	for command in list show assign release revoke quarantine reload pool why config stats help; do
		works --help
		says "  $command "
		works "$command" --help
		says "Usage: vfioctl $command"
		cp "$dir/out" "$dir/by-option"
		works help "$command"
		cmp -s "$dir/out" "$dir/by-option" || fail "help $command and $command --help differ"
	done
	works help
	works -h
	works assign 01:00.0 --user nobody --help
}

the_version_is_shown()
{
	works --version
	grep -qx 'vfioctl [0-9][0-9.]*' "$dir/out" || fail "not a version: $(cat "$dir/out")"
	works -V
}

a_wrong_command_line_is_refused_in_one_line()
{
	refuses 2 'no command given'
	refuses 2 'vfioctl --help' --bogus
	refuses 2 'did you mean: vfioctl assign' asign 01:00.0 --user nobody
	refuses 2 "there is no command 'frobnicate'" frobnicate
	refuses 2 "there is no command 'frobnicate'" help frobnicate
	refuses 2 "'--all'" show --all 01:00.0
	refuses 2 "'-x'" list -x
	refuses 2 'takes no value' list --json=yes
	refuses 2 'needs a value' assign 01:00.0 --user
	refuses 2 'needs a value' --runtime-dir
	refuses 2 'auto always never' list --color=blue
	refuses 2 'auto always never' list --color=
	refuses 2 'auto always never' list --color='auto always'
	refuses 2 'DEVICE' show
	refuses 2 'DEVICE' release
	refuses 2 'WHAT' why
	refuses 2 "'--mode'" pool --mode group
	refuses 2 "'--numa-node'" show 01:00.0 --numa-node 0
	refuses 2 "'now'" reload now
	refuses 2 "'fast'" pool fast
	refuses 2 'DEVICE' revoke --grace 5
	refuses 2 'needs a value' revoke 01:00.0 --grace
	refuses 2 "'--grace'" release 01:00.0 --grace 5
	refuses 2 "'01:00.1'" show 01:00.0 01:00.1
	refuses 2 "'01:00.0'" list 01:00.0
	refuses 2 'two formats' stats --json --prometheus
	refuses 2 'clear DEVICE' quarantine clear
	refuses 2 "no command 'quarantine list'" quarantine list 01:00.0
}

what_is_not_an_address_is_refused_with_an_example_of_one()
{
	for address in zz:00.0 '' 01:00 1:0.0 01:00.8 01:20.0 01:00.0x '01:00.0 ' 0000:01:00.0.0; do
		for command in show release revoke why; do
			refuses 2 "'$address' is not a PCI address; write it as 0000:01:00.0 or 01:00.0" \
				"$command" "$address"
		done
		refuses 2 "'$address' is not a PCI address" assign "$address" --user nobody
		refuses 2 "'$address' is not a PCI address" quarantine clear "$address"
	done
}

an_assignment_needs_exactly_one_owner_that_exists()
{
	refuses 2 'no owner given; add --user NAME or --group NAME' assign 01:00.0
	refuses 2 'not both' assign 01:00.0 --user root --group root
	refuses 1 "no such user: 'no such user'" assign 01:00.0 --user 'no such user'
	refuses 1 "no such group: 'no such group'" assign 01:00.0 -g 'no such group'
}

virtual_functions_are_a_number_of_them()
{
	for number in 0 -1 4x '' 65536 100000; do
		refuses 2 "'$number' is no number of virtual functions" assign 01:00.0 --user root --vfs="$number"
	done
	refuses 2 '--pool goes with --vfs' assign 01:00.0 --user root --pool lab
	refuses 1 "no such user: '4294967295'" assign 01:00.0 --user 4294967295
}

a_grace_is_a_number_of_seconds()
{
	for grace in '' x -1 +1 1x 1. .5 0.1234 ' 1' '1 ' 1e3 86401 86400.001 4294967296 99999999999999999999; do
		refuses 2 "'$grace' is no grace" revoke 01:00.0 --grace="$grace"
	done
	for grace in 0 5 0.5 86400 0.001; do
		refuses 3 "$dir/none/admin.sock" --runtime-dir "$dir/none" revoke 01:00.0 --grace "$grace"
	done
}

why_is_asked_in_one_of_the_modes_that_there_are()
{
	for mode in '' fast Group 'group ' 'container group' vfio 0; do
		refuses 2 "'$mode' is no value for --mode; choose one of: container group iommufd" why 01:00.0 \
			--mode="$mode"
	done
	refuses 2 'option --mode needs a value' why 01:00.0 --mode
	for mode in container group iommufd; do
		refuses 3 "$dir/none/pub/vfiod.sock" --runtime-dir "$dir/none" why 01:00.0 --mode "$mode"
		refuses 3 "$dir/none/pub/vfiod.sock" --runtime-dir "$dir/none" why pool:fast --mode="$mode"
	done
}

why_takes_the_number_of_a_numa_node_with_a_pool()
{
	for node in '' x -1 +1 1x ' 1' '1 ' 0x1 1.0 1024 00000 4294967295 4294967296 99999999999999999999; do
		refuses 2 "'$node' is no NUMA node; give the number of one, 0 to 1023" why pool:fast --numa-node="$node"
	done
	refuses 2 'option --numa-node needs a value' why pool:fast --numa-node
	refuses 2 '--numa-node goes with pool:NAME, and 0000:01:00.0 is one function' why 01:00.0 --numa-node 0
	for node in 0 1 1023; do
		refuses 3 "$dir/none/pub/vfiod.sock" --runtime-dir "$dir/none" why pool:fast --mode group \
			--numa-node "$node"
	done
}

without_a_daemon_every_request_fails_with_status_3()
{
	refuses 3 "$dir/none/pub/vfiod.sock" --runtime-dir "$dir/none" list
	refuses 3 "$dir/none/pub/vfiod.sock" list --json --runtime-dir="$dir/none"
	refuses 3 "$dir/none/pub/vfiod.sock" show 01:00.0 --runtime-dir "$dir/none"
	refuses 3 "$dir/none/admin.sock" --runtime-dir "$dir/none" assign 0000:01:00.0 -u root
	refuses 3 "$dir/none/admin.sock" --runtime-dir "$dir/none" release 01:00.0
	refuses 3 "$dir/none/admin.sock" --runtime-dir "$dir/none" revoke 01:00.0
	refuses 3 "$dir/none/admin.sock" --runtime-dir "$dir/none" reload
	refuses 3 "$dir/none/pub/vfiod.sock" --runtime-dir "$dir/none" pool
	refuses 3 "$dir/none/pub/vfiod.sock" --runtime-dir "$dir/none" why pool:fast
	refuses 3 "$dir/none/pub/vfiod.sock" --runtime-dir "$dir/none" why 01:00.0 --json
	refuses 3 "$dir/none/admin.sock" --runtime-dir "$dir/none" stats
}

the_environment_says_where_the_daemon_is_and_the_option_goes_before_it()
{
	VFIOD_RUNTIME_DIR=$dir/environment
	export VFIOD_RUNTIME_DIR
	refuses 3 "$dir/environment/pub/vfiod.sock" list
	refuses 3 "$dir/option/pub/vfiod.sock" list --runtime-dir "$dir/option"
	unset VFIOD_RUNTIME_DIR
}

control_characters_are_not_repeated()
{
	refuses 2 "there is no command '?[31mred?two'" "$(printf '\033[31mred\ntwo')"
}

output_that_cannot_be_written_is_an_error()
{
	"$vfioctl" --help 2>"$dir/err" >/dev/full
	[ $? = 1 ] || fail "a full device is not noticed"
	[ "$(wc -l <"$dir/err")" = 1 ] || fail "a full device: not one line: $(cat "$dir/err")"
}

completion_says_nothing_when_it_knows_nothing()
{
	VFIOD_RUNTIME_DIR=$dir/none
	export VFIOD_RUNTIME_DIR
	works --complete
	says assign
	works --complete assign 01:00.0 --group
	says root
	works --complete show
	run 0 --complete --runtime-dir
	unset VFIOD_RUNTIME_DIR
}

for test in help_explains_every_command the_version_is_shown a_wrong_command_line_is_refused_in_one_line \
	what_is_not_an_address_is_refused_with_an_example_of_one an_assignment_needs_exactly_one_owner_that_exists \
	a_grace_is_a_number_of_seconds virtual_functions_are_a_number_of_them \
	why_is_asked_in_one_of_the_modes_that_there_are why_takes_the_number_of_a_numa_node_with_a_pool \
	without_a_daemon_every_request_fails_with_status_3 \
	the_environment_says_where_the_daemon_is_and_the_option_goes_before_it control_characters_are_not_repeated \
	output_that_cannot_be_written_is_an_error completion_says_nothing_when_it_knows_nothing; do
	echo "$test"
	"$test"
done
[ "$failures" = 0 ] || echo "$failures failures"
[ "$failures" = 0 ]
