# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What scenarios share: words for the steps inside the test machine. Source it first:
#
#	. "${0%/*}/../guest.sh"
#
# A scenario is a bash script that runs as root in the machine. It says what it expects with `check`,
# `ok`, `fail` and `expect_error`; `finish` at its end turns that into its exit status. A line
# "# expect-kernel: REGEX" in it declares lines of the kernel log that would otherwise fail the run, and
# "# expect-leak: REGEX" what kmemleak may report.

: "${WAIT_SECONDS:=20}"	# of wait_for; generous, since software emulation on a busy machine is slow
test_count=0
test_failures=0

# ---- saying what happened ------------------------------------------------------------------------

# ok SENTENCE: it holds.
ok() {
	test_count=$((test_count + 1))
	echo "ok $test_count - $*"
}

# fail SENTENCE: it does not hold, and the scenario ends: what follows would only mislead.
fail() {
	test_failures=$((test_failures + 1))
	echo "not ok $((test_count + 1)) - $*"
	exit 1
}

# check SENTENCE COMMAND...: ok if the command succeeds, otherwise its output and fail.
check() {
	local sentence=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	if [ $status != 0 ]; then
		printf '# %s: exit status %s\n' "$*" "$status"
		[ -z "$output" ] || printf '%s\n' "$output" | sed 's/^/# /'
		fail "$sentence"
	fi
	ok "$sentence"
}

# equal SENTENCE EXPECTED ACTUAL
equal() {
	if [ "$2" != "$3" ]; then
		printf '# expected: %s\n#      got: %s\n' "$2" "$3"
		fail "$1"
	fi
	ok "$1"
}

# expect_error TEXT COMMAND...: the command must fail and say so in exactly one line of stderr, with TEXT in it.
expect_error() {
	local text=$1 status=0 errors
	shift
	errors=$({ "$@" >/dev/null; } 2>&1) || status=$?
	if [ $status = 0 ]; then
		fail "'$*' is refused with '$text' (it succeeded)"
	elif [ "$(printf '%s\n' "$errors" | wc -l)" != 1 ] || [[ $errors != *"$text"* ]]; then
		printf '%s\n' "$errors" | sed 's/^/# stderr: /'
		fail "'$*' is refused in one line with '$text'"
	fi
	ok "'$*' is refused with '$text'"
}

# finish: the plan; a scenario that never got here has not passed (see the trap below).
finish() {
	echo "1..$test_count"
	scenario_finished=1
	[ "$test_failures" = 0 ] && [ "$test_count" -gt 0 ]
	exit
}

# ---- readiness -----------------------------------------------------------------------------------

# wait_for DESCRIPTION COMMAND...: until the command succeeds; fails after WAIT_SECONDS.
wait_for() {
	local what=$1 deadline=$((SECONDS + WAIT_SECONDS))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || fail "$what (not within $WAIT_SECONDS s: $*)"
		sleep 0.05	# the pause between two looks, not a guess at how long it takes
	done
}

# alive PROCESS: it runs. One that has ended and was not waited for is there for kill(1), until bash comes to notice, which
# it may not do in a loop without commands of others.
alive() {
	local state
	{ read -r _ _ state _ <"/proc/$1/stat"; } 2>/dev/null && [ "$state" != Z ]
}

# ---- users -----------------------------------------------------------------------------------------
# alice (1001) and bob (1002) are there; so is the group pcilab (1100), of which nobody is a member by itself
# (make_accounts in initrd.sh made them).

# add_user NAME [UID]
add_user() {
	local id=${2:-}
	[ -n "$id" ] || id=$(awk -F: '$3 >= 1001 && $3 < 60000 && $3 > max { max = $3 } END { print max + 1 }' max=1000 /etc/passwd)
	echo "$1:x:$id:$id::/home/$1:/bin/bash" >>/etc/passwd
	echo "$1:x:$id:" >>/etc/group
	mkdir -p "/home/$1"
	chown "$id:$id" "/home/$1"
}

# as USER[:GROUP,...] COMMAND...: with those supplementary groups only, no capabilities, and a clean environment.
as() {
	local user=${1%%:*} groups=--clear-groups
	case $1 in *:*) groups=--groups=${1#*:} ;; esac
	shift
	env -i PATH="$PATH" LANG="$LANG" TERM="$TERM" USER="$user" LOGNAME="$user" HOME="/home/$user" \
		setpriv --reuid="$user" --regid="$user" "$groups" --inh-caps=-all --ambient-caps=-all --bounding-set=-all \
		"$@"
}

# ---- QEMU's monitor ---------------------------------------------------------------------------------

# qemu_monitor COMMAND...: has it carried out by the emulator; one of those in the scenario's line "# qemu-monitor:".
# What QEMU says about it is an error, of which it has no other sign, unless it is OK.
qemu_monitor() {
	local folder=/run/vfiod-vm reply
	rm -f $folder/reply
	echo "$*" >$folder/request.new
	mv $folder/request.new $folder/request
	wait_for "QEMU answers to '$*'" test -e $folder/reply
	reply=$(cat $folder/reply)
	[[ $reply == '{"return": ""'* || $reply == '{"return": "OK '* ]] || fail "QEMU does '$*' ($reply)"
}

# ---- devices ---------------------------------------------------------------------------------------
# Functions go by their full address, such as 0000:01:00.0.

# load MODULE...: with what they depend on.
load() {
	local module
	for module; do
		modprobe "$module" || fail "module $module loads"
	done
}

# bind DRIVER FUNCTION...: takes them from the driver that has them.
bind() {
	local driver=$1 function
	shift
	for function; do
		echo "$driver" >"/sys/bus/pci/devices/$function/driver_override"
		wait_for "$function binds to $driver" bind_now "$driver" "$function"
	done
}
# Another driver may be about to have it: that of NVMe takes functions that have just come in its own time.
bind_now() {
	unbind "$2"
	echo "$2" >/sys/bus/pci/drivers_probe
	[ "$(driver_of "$2")" = "$1" ]
}

unbind() {
	local function
	for function; do
		[ ! -e "/sys/bus/pci/devices/$function/driver" ] || echo "$function" >"/sys/bus/pci/devices/$function/driver/unbind"
	done
}

# driver_of FUNCTION: its name, or nothing.
driver_of() {
	local link
	link=$(readlink "/sys/bus/pci/devices/$1/driver") || return 0
	echo "${link##*/}"
}

# group_of FUNCTION: the number of its IOMMU group, or nothing.
group_of() {
	local link
	link=$(readlink "/sys/bus/pci/devices/$1/iommu_group") || return 0
	echo "${link##*/}"
}

# ---- a scenario that stops half-way has failed ------------------------------------------------------
scenario_finished=0

scenario_error() {
	echo "# $1: exit status $2 from: $3" >&2
}

scenario_ends() {
	local status=$1
	[ "$scenario_finished" = 0 ] || exit "$status"
	[ "$test_failures" -gt 0 ] || echo "not ok $((test_count + 1)) - the scenario reaches its end"
	exit "$((status ? status : 1))"
}

# Set by tests/vm/run for scenarios alone: other users of this file have an end of their own.
if [ "${VFIOD_SCENARIO-}" = "$0" ]; then
	set -E
	trap 'scenario_error "${BASH_SOURCE[0]##*/}:$LINENO" "$?" "$BASH_COMMAND"' ERR
	trap 'scenario_ends "$?"' EXIT
fi
