# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What scenarios of vfiod share, on top of guest.sh, which this brings along:
#
#	. "${0%/*}/../vfiod.sh"
#
# vfiod runs as `start_vfiod` started it, and logs to $vfiod_log. What a command said that had to fail is in $said, its
# exit status in $exit_status.
# shellcheck source-path=SCRIPTDIR source=guest.sh
. "${BASH_SOURCE[0]%/*}/guest.sh"

PATH=/usr/libexec/vfiod/examples:$PATH
vfiod_log=/run/vfiod.log
vfiod_pid=
said="" exit_status=""

# What vfiod has logged and what it says now is shown with the failure of a scenario; so is what a program of others has
# to say, whose output is in the file $program_output.
program_output=
vfiod_scenario_ends() {
	if [ "$1" != 0 ] && [ -n "$program_output" ]; then tail -n 40 "$program_output" | sed 's/^/# /' || true; fi
	if [ "$1" != 0 ] && [ -e "$vfiod_log" ]; then
		{ tail -n 40 "$vfiod_log"; timeout 10 vfioctl list 2>&1 | grep -v unmanaged; } | sed 's/^/# /' || true
	fi
	scenario_ends "$1"
}
if [ "${VFIOD_SCENARIO-}" = "$0" ]; then trap 'vfiod_scenario_ends "$?"' EXIT; fi

# ---- vfiod ---------------------------------------------------------------------------------------------

# start_vfiod: runs vfiod; returns when it serves.
start_vfiod() { start_vfiod_under env; }

# start_vfiod_under COMMAND...: the same, with a command that ends by executing vfiod in its own process.
start_vfiod_under() {
	: >"$vfiod_log"
	"$@" vfiod 2>"$vfiod_log" &
	vfiod_pid=$!
	wait_for "vfiod gets ready" grep -q ' ready: ' "$vfiod_log"
}

# stop_vfiod: by SIGTERM, after which it has to end with status 0.
stop_vfiod() {
	local status=0
	kill "$vfiod_pid"
	wait "$vfiod_pid" || status=$?
	[ "$status" = 0 ] || { sed 's/^/# /' "$vfiod_log"; fail "vfiod ends cleanly on SIGTERM (status $status)"; }
	vfiod_pid=
}

# serving: vfiod is the process that was started, and answers.
serving() { kill -0 "$vfiod_pid" && vfioctl list; }

# configure: what comes on standard input is vfiod's configuration.
configure() {
	mkdir -p /etc/vfiod
	cat >/etc/vfiod/vfiod.conf
}

# find_module NAME: sets $module to what build-aux/kmod has built of it for this kernel.
find_module() {
	module=${VFIOD_KMOD:-${BASH_SOURCE[0]%/*}/../../build/kmod}/$(uname -r)/$1/$1.ko
	[ -e "$module" ] || fail "$module is there (build-aux/kmod KERNEL builds it)"
}

# load_strict [PARAMETER...]: the strict driver, and what it needs of VFIO.
load_strict() {
	local module
	local -a needed
	find_module vfiod_pci
	IFS=, read -ra needed < <(modinfo -F depends "$module")
	load vfio vfio_iommu_type1 "${needed[@]}"
	check "the strict driver can be loaded" insmod "$module" "$@"
}

# The VFIO driver that a scenario is run with: vfio-pci, or by the environment (tests/vm/run --env VFIO_DRIVER=…)
# vfiod-pci; or stock-name: the strict one, which calls itself vfio-pci.
vfio_driver=${VFIO_DRIVER:-vfio-pci}

# load_vfio: loads it; a vfiod that is started after that insists on the strict one, where it has its own name.
load_vfio() {
	case $vfio_driver in
	vfio-pci) [ -e /sys/bus/pci/drivers/vfio-pci ] || load vfio-pci; return ;;
	stock-name) vfio_driver=vfio-pci; load_strict stock_name=1; return ;;
	vfiod-pci) ;;
	*) fail "VFIO_DRIVER is vfio-pci, vfiod-pci or stock-name, not '$vfio_driver'" ;;
	esac
	mkdir -p /etc/vfiod/conf.d
	echo 'driver = "vfiod-pci"' >/etc/vfiod/conf.d/00-driver.conf
	[ -e /sys/bus/pci/drivers/vfiod-pci ] || load_strict
}

# load_handles: the module of revocable handles, and the VFIO driver.
load_handles() {
	local module
	find_module vfiod_handle
	load_vfio
	check "the module of handles can be loaded" insmod "$module"
	wait_for "its node is there" test -c /dev/vfiod
}

# load_pci: $pci_driver is the VFIO driver of PCI functions that is to be tested, and loaded: vfiod-pci, or vfio-pci where
# VFIO_DRIVER says so (does a test fail because of the test?).
pci_driver=${VFIO_DRIVER:-vfiod-pci}
load_pci() {
	load vfio-pci
	[ "$pci_driver" = vfio-pci ] || load_strict
}

# give_group FUNCTION USER: its IOMMU group is that user's.
give_group() { chown "$2" "/dev/vfio/$(group_of "$1")"; }

# every_test PROGRAM FUNCTION: the tests that a client has, each by its name, which is a sentence.
every_test() {
	local names name
	names=$("$1")
	[ -n "$names" ] || fail "$1 has tests"
	for name in $names; do
		check "${name//_/ }" "$1" "$name" "$2"
	done
}

# field FUNCTION NAME: what `vfioctl show --json` has under that name; "null" for nothing.
field() { vfioctl show "$1" --json | sed -n "s/.*\"$2\": *\"\{0,1\}\([^\",]*\).*/\1/p"; }
state_is() { [ "$(field "$1" state)" = "$2" ]; }
driver_is() { [ "$(driver_of "$1")" = "$2" ]; }
override_of() { cat "/sys/bus/pci/devices/$1/driver_override"; }

# quietly COMMAND...: for preparations, whose output is of interest only when they fail.
quietly() {
	local output status=0
	output=$("$@" 2>&1) || status=$?
	[ "$status" = 0 ] && return
	printf '%s\n' "$output" | sed 's/^/# /'
	fail "'$*' succeeds (status $status)"
}

# ---- what is refused -----------------------------------------------------------------------------------

# refused COMMAND...: it has to fail, and to say why in one line of stderr.
refused() {
	exit_status=0
	said=$({ "$@" >/dev/null; } 2>&1) || exit_status=$?
	[ "$exit_status" != 0 ] || fail "'$*' is refused (it succeeded)"
	if [ -z "$said" ] || [ "$(wc -l <<<"$said")" != 1 ]; then
		printf '%s\n' "$said" | sed 's/^/# stderr: /'
		fail "'$*' is refused in one line"
	fi
	ok "'$*' is refused in one line: $said"
}

# names SENTENCE TEXT...: what was said last has all of the texts in it.
names() {
	local sentence=$1 text
	shift
	for text; do
		[[ $said == *"$text"* ]] || { echo "# said: $said"; fail "$sentence (no '$text' in it)"; }
	done
	ok "$sentence"
}

# follow BEFORE [AFTER]: runs the command that was advised, as it stands between the two texts.
follow() {
	local command
	[[ $said == *"$1"* ]] || { echo "# said: $said"; fail "the message advises a command behind '$1'"; }
	command=${said#*"$1"}
	[ $# = 1 ] || command=${command%%"$2"*}
	check "the advice can be followed as it stands: $command" bash -c "$command"
}

# snapshot: of every function the driver, the driver_override, and what vfiod says of it.
snapshot() {
	find /sys/bus/pci/devices/*/driver -maxdepth 0 -printf '%p %l\n'
	grep -H . /sys/bus/pci/devices/*/driver_override
	[ -z "$vfiod_pid" ] || vfioctl list --all --json
}

# nothing_half_done SENTENCE: vfiod serves, and all is as it was when `before=$(snapshot)` was taken.
before=
nothing_half_done() {
	local now
	kill -0 "$vfiod_pid" || fail "vfiod runs after $1"
	now=$(snapshot) || fail "vfiod serves after $1"
	if [ "$now" != "$before" ]; then
		diff <(printf '%s\n' "$before") <(printf '%s\n' "$now") | sed 's/^/# /' || true
		fail "no function has changed after $1"
	fi
	ok "vfiod serves, and no function has changed after $1"
}

# ---- faults of the kernel -------------------------------------------------------------------------------

# fault FILE INJECTION: vfiod's system calls on that file behave so until end_fault; see strace(1), --inject. strace
# counts them ("when=1") in each thread anew, and vfiod has a thread for each operation.
tracer=
fault() {
	strace --follow-forks --quiet=all --output=/run/strace.log --trace-path="$1" --inject="$2" --attach="$vfiod_pid" &
	tracer=$!
	wait_for "strace traces vfiod" traced "$tracer"
}
traced() { grep -q "^TracerPid:[[:space:]]*$1$" "/proc/$vfiod_pid/status"; }
end_fault() {
	kill "$tracer"
	wait "$tracer" 2>/dev/null || true
	wait_for "strace has let go of vfiod" traced 0
}

# ---- what all agree on ---------------------------------------------------------------------------------

# ideas: what vfiod says of each function, a line each: address, state, driver, user and process that have it, whether the
# lease (or the next one) can be taken back, whether it is open in advance; "null" where there is none.
ideas() {
	vfioctl list --all --json | awk -F'"' '
		!/^    "/ { next }	# of the function itself, not of others in its group
		{ value = $4; if (value == "") { value = $3; gsub(/[:, ]/, "", value) } }
		$2 ~ /^(address|state|driver|holder_uid|holder_pid|revocable|warm)$/ { is[$2] = value }
		$2 == "warm" {
			print is["address"], is["state"], is["driver"], is["holder_uid"], is["holder_pid"], is["revocable"], value
		}'
}

# descriptors: how many vfiod has open.
descriptors() { find "/proc/$vfiod_pid/fd" -mindepth 1 | wc -l; }

# at_rest: how many that are without connections, of which the one that asks is one, and without those of functions that
# it has open, which are four each: those in advance, and those that it has leased by handles, rather than the vfiod before
# it; and but for the processes of those who have a lease and no connection. The handles' node is open from the beginning
# where the module is loaded, or else since somebody asked; that of the strict driver, which does not count, while a function
# has it.
at_rest() {
	local files connections open=0 leased=0 processes node address state uid pid revocable warm
	files=$(descriptors)
	processes=$(find "/proc/$vfiod_pid/fd" -lname '*pidfd*' | wc -l)
	node=$(find "/proc/$vfiod_pid/fd" -lname /dev/vfiod-pci | wc -l)
	connections=$(vfioctl stats --prometheus | sed -n 's/^vfiod_connections_open //p')
	while read -r address state _ uid pid revocable warm; do
		[ "$state" != leased ] || leased=$((leased + 1))
		case $state$revocable$warm in
		*true) open=$((open + 1)) ;;
		leasedtrue*) ! grep -q "$address leased to user $uid (pid $pid)" "$vfiod_log" || open=$((open + 1)) ;;
		esac
	done < <(ideas)
	[ "$processes" -le "$leased" ] || processes=0
	echo $((files - connections + 1 - 4 * open - processes - node))
}
at_rest_is() { [ "$(at_rest)" = "$1" ]; }

# baseline: what at_rest is compared with from now on.
at_rest_before=
baseline() {
	wait_for "vfiod has nothing to do" settled_all
	at_rest_before=$(at_rest)
}
settled_all() { idle && ! ideas | grep -qE '^[^ ]+ [a-z]+ing '; }
# idle: no worker of vfiod is at anything: they wait for work, in futex(2), which has one of these numbers.
idle() {
	local task number
	for task in "/proc/$vfiod_pid/task"/*; do
		[ "${task##*/}" != "$vfiod_pid" ] || continue
		{ read -r number _ <"$task/syscall"; } 2>/dev/null || return 1
		case $number in 202 | 98) ;; *) return 1 ;; esac
	done
}

# disagreement: the first function of which vfiod, sysfs and the module do not say the same; nothing if there is none.
disagreement() {
	local address state driver uid pid revocable link
	: >/run/leased
	while read -r address state driver uid pid revocable _; do
		link=$(driver_of "$address")
		[ "$driver" = "${link:-null}" ] || echo "$address: vfiod says driver $driver, sysfs ${link:-none}"
		case $state in
		unmanaged)
			[[ ! $(override_of "$address") =~ ^vfiod?-pci$ ]] || echo "$address: unmanaged, but overridden" ;;
		free | leased)
			[[ $link =~ ^vfiod?-pci$ ]] || echo "$address: $state with driver ${link:-none}" ;;
		quarantined) ;;
		*) echo "$address: still $state" ;;
		esac
		[ "$state $revocable" != "leased true" ] || echo "$address $uid $pid" >>/run/leased
		[ "$state" = leased ] || [ "$uid$pid" = nullnull ] || echo "$address: $state, but held by $uid $pid"
	done < <(ideas)
	if [ -c /dev/vfiod ]; then table leases | sort | diff - <(sort /run/leased) | sed -n 's/^[<>]/the module:&/p' || true; fi
}
agree() { [ -z "$(disagreement)" ]; }

# agrees SENTENCE [COMMAND...]: vfiod, the module and sysfs have the same idea of every function, vfiod has no more files
# open than at the baseline, and somebody else is served: by the command, which is of another user and another function.
agrees() {
	local sentence=$1 deadline=$((SECONDS + WAIT_SECONDS))
	shift
	until agree; do
		[ "$SECONDS" -lt "$deadline" ] || { disagreement | sed 's/^/# /'; fail "$sentence: all agree on every function"; }
	done
	wait_for "$sentence: vfiod has $at_rest_before files open, as before" at_rest_is "$at_rest_before"
	[ $# = 0 ] || quietly "$@"
	ok "$sentence: vfiod, the module and sysfs agree on every function, no file is left open, others are served"
}

# ---- clients -------------------------------------------------------------------------------------------

# use_clients: puts the programs of tests/vm/clients where everybody may run them.
use_clients() {
	local folder=${VFIOD_CLIENTS:-${BASH_SOURCE[0]%/*}/../../build/default/tests/vm/clients} name
	for name in lease badmsg hostile exclusive handles misuse fire stall stuck handlecost failnth storm pattern killpoint \
		table lend scribble overreach pcimisuse pcifuzz pcifailnth interrupts irqrounds pcifaults pcierrors pcinode \
		pcihuge pciprobe pcislot heed byiommufd; do
		[ -x "$folder/$name" ] || fail "$name is built in $folder (else set VFIOD_CLIENTS)"
		install -m 755 "$folder/$name" "/usr/local/bin/$name"
	done
}

# use_calls: puts calls.so where everybody's programs may load it; $calls is its name.
use_calls() {
	calls=/usr/local/lib/calls.so
	use_preloaded "$calls"
}
use_preloaded() {
	local folder=${VFIOD_CLIENTS:-${BASH_SOURCE[0]%/*}/../../build/default/tests/vm/clients}
	install -m 755 "$folder/.libs/${1##*/}" "$1"
}

# use_labels: puts labelled.so there; $labelled is its name.
use_labels() {
	labelled=/usr/local/lib/labelled.so
	use_preloaded "$labelled"
}

# background WORD FILE COMMAND...: starts it with its output in FILE, until WORD is there; its process is $process.
process=
declare -A job_of=()	# by process: `as` is a shell around its command
background() {
	local word=$1 file=$2 job
	shift 2
	: >"$file"
	"$@" >"$file" 2>&1 &
	job=$!
	wait_for "'$*' says '$word'" says_or_ended "$word" "$file" "$job"
	grep -q "$word" "$file" || { sed 's/^/# /' "$file"; fail "'$*' says '$word'"; }
	process=$(pgrep -P "$job") || process=$job
	job_of[$process]=$job
}
says_or_ended() { grep -q "$1" "$2" || ! kill -0 "$3"; }

# end SIGNAL PROCESS: sends it to what `background` started, and waits until it is gone.
end() {
	kill "-$1" "$2"
	wait "${job_of[$2]}" 2>/dev/null || true
}
