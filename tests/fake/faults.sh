#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Faults by their numbers in tests/faults.tsv, as far as they need no kernel: clients, vfiod's own end at each step of its
# journal, want of room and of descriptors, signals, and all that sysfs and VFIO can answer. After each vfiod,
# the table of handles and sysfs agree on every function, no file is left open, and another user is served.
# machine-options: --functions 4 --driver nvme
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=vfiod.sh
. "${0%/*}/vfiod.sh"

mine=0000:00:00.0	# user 1001's
other=0000:00:01.0	# user 1002's, who is served meanwhile
spare=0000:00:02.0	# the host's
alice=1001 bob=1002

served() { as $bob lease cycle 1 $other; }
unharmed() { agrees "$1" as $bob lease cycle 1 $other; }
is_free() { state_is $mine free; }
is_leased() { state_is $mine leased; }
not() { ! "$@"; }

# hold: alice's $holder has the function.
holder=
hold() {
	background leased /run/held as $alice lease asked $mine
	holder=$process
}
let_go() {
	end KILL "$holder"
	holder=
	wait_for "the function is free" is_free
}
# lease_number: of the last one that was given.
lease_number() { sed -n 's/.* leased to user .*, lease \([0-9]*\)$/\1/p' "$vfiod_log" | tail -n 1; }
logged() { grep -q "$1" "$vfiod_log"; }

kill_vfiod() {
	kill -KILL "$vfiod_pid"
	wait "$vfiod_pid" 2>/dev/null || true
}

begin() {
	rm -rf /run/vfiod $state_dir
	configure <<<"${1-}"
	start_vfiod
	quietly vfioctl assign $mine --user $alice
	quietly vfioctl assign $other --user $bob
	baseline
}

# ---- clients -----------------------------------------------------------------------------------------------------
clients() {
	begin "client-timeout = 1"
	step=0
	for where in "before its HELLO" "after its HELLO" "after the answer to that" "after its request" \
		"with the answer in its queue" "with the files of the answer" "after it has closed them"; do
		as $alice hostile step $step $socket $mine >/dev/null 2>&1 || true
		wait_for "F1 the function is free" is_free
		unharmed "F1 a client is killed $where"
		step=$((step + 1))
	done

	background stopped /run/stopped as $alice hostile stopped $socket $mine
	check "F2 beside a client that has stopped another is served" served
	wait_for "F2 it is let go when its time is over" logged "did not read its answer"
	unharmed "F2 a client stops with its answer unread"
	equal "F2 the lease is its own still: nobody has taken its files" leased "$(field $mine state)"
	check "F2 until it is revoked" vfioctl revoke $mine --grace 0
	kill -CONT "$process"
	wait_for "F2 the client finds that it was let go" grep -q "let go" /run/stopped
	end KILL "$process"
	unharmed "F2 the client has gone on, and ended"

	background sent /run/ahead as $alice hostile ahead 1000 $socket $mine
	for ((i = 0; i < 5; i++)); do
		check "F9 who has $(head -n 1 /run/ahead) requests, and read nothing, is in nobody's way" served
	done
	wait_for "F9 and is let go" grep -q "let go" /run/ahead
	end KILL "$process"
	wait_for "F9 the function is free" is_free
	unharmed "F9 requests without end, and nothing read"

	hold
	first=$(lease_number)
	as $alice badmsg $socket >/run/replies || fail "badmsg reaches its end"
	check "F10 F11 F12 F13 the lease goes on" is_leased
	unharmed "F10 F11 F12 F13 $(wc -l </run/replies) messages that break the rules"
	equal "F15 another user cannot release a lease" ENOENT "$(as $bob hostile release "$first" $socket)"
	equal "F15 nor can anybody release what was never given" ENOENT "$(as $alice hostile release 4711 $socket)"
	equal "F15 or number 0" ENOENT "$(as $alice hostile release 0 $socket)"
	check "F15 the lease goes on" is_leased
	equal "F15 its user can" released "$(as $alice hostile release "$first" $socket)"
	wait_for "F15 which ends it" is_free
	equal "F15 a second release changes nothing" released "$(as $alice hostile release "$first" $socket)"
	unharmed "F15 a release, twice"
	end KILL "$holder"
	hold
	equal "F15 nor does one of a lease that is over" released "$(as $alice hostile release "$first" $socket)"
	kill_vfiod
	start_vfiod
	wait_for "all is known again" settled_all
	equal "F15 nor with the next vfiod" released "$(as $alice hostile release "$first" $socket)"
	check "F15 the new lease goes on" is_leased
	unharmed "F15 a stale number"
	let_go

	stop_vfiod
}

# ---- descriptors, memory, signals --------------------------------------------------------------------------------
# few NUMBER: vfiod may have so many descriptors beside those that it has.
few() {
	local highest
	highest=$(find "/proc/$vfiod_pid/fd" -mindepth 1 -printf '%f\n' | sort -n | tail -n 1)
	prlimit --pid "$vfiod_pid" --nofile=$((highest + 1 + $1)):
}
# ends COMMAND...: in time, well or not.
ends() { timeout 20 "$@" || [ $? != 124 ]; }
# tries: what may fail, but may not hang.
tries() {
	ends vfioctl list && ends vfioctl assign $spare --user $alice &&
		{ as $alice timeout 20 lease cycle 2 $mine || [ $? != 124 ]; } && ends vfioctl release $spare
} >/run/tries 2>&1
# made_good FUNCTION...: what could not be verified is quarantined, and clear when there is no more want.
made_good() {
	local function
	wait_for "vfiod has nothing to do" settled_all
	for function; do
		! state_is "$function" quarantined || quietly vfioctl quarantine clear "$function"
		if [ "$function" = $spare ] && state_is $spare free; then quietly vfioctl release $spare; fi
		state_is "$function" "$([ "$function" = $spare ] && echo unmanaged || echo free)" ||
			fail "$function is as before (it is $(field "$function" state))"
	done
}
# only NUMBER: vfiod may open so many more, those between others that it has counted.
only() {
	local limit=0 left=$1
	while [ -e "/proc/$vfiod_pid/fd/$limit" ] || [ $((left--)) -gt 0 ]; do limit=$((limit + 1)); done
	prlimit --pid "$vfiod_pid" --nofile=$limit:
}
# What the host uses it keeps, however few descriptors there are to find that out with. To see a loop device takes most.
in_use() {
	local n path bound loop=/sys/class/block/loop9
	path=$(realpath /sys/bus/pci/devices/$spare)
	bound=$(stat -c %i "$path/driver")
	mkdir -p "$path/nvme9n1" $loop/loop
	ln -s "$path/nvme9n1" /sys/class/block/
	echo /dev/nvme9n1 >$loop/loop/backing_file
	for n in 20 {1..8}; do
		only "$n"
		refused timeout 20 vfioctl assign $spare --user $alice
		[ "$n" != 20 ] || names "F20 the host's disk is in use" "loop9 is on nvme9n1"
		prlimit --pid "$vfiod_pid" --nofile="$limit"
		equal "F20 with $n descriptors its driver has it all the time" "$bound" "$(stat -c %i "$path/driver")"
	done
	rm -r $loop /sys/class/block/nvme9n1 "$path/nvme9n1"
	unharmed "F20 few descriptors to find out with what the host uses"
}
flood() {
	trap 'exit 0' TERM
	while :; do kill -HUP "$vfiod_pid" 2>/dev/null || exit; done
}

want() {
	local limit n storm
	begin
	limit=$(prlimit --pid "$vfiod_pid" --nofile --noheadings --output HARD)
	for ((n = 1; n <= 20; n++)); do
		few $n
		tries || fail "F20 with $n descriptors nothing hangs"
		! grep -q unplugged /run/tries || fail "F20 with $n descriptors nothing that is there is said to be gone"
		prlimit --pid "$vfiod_pid" --nofile="$limit"
		made_good $mine $other $spare
		unharmed "F20 with $n descriptors to spare"
	done
	in_use

	flood &
	storm=$!
	check "F22 leases begin and end in a storm of signals" as $alice lease cycle 50 $mine
	check "F22 of others, too" as $bob lease cycle 20 $other
	check "F22 a function is taken" vfioctl assign $spare --user $alice
	check "F22 and given back" vfioctl release $spare
	kill $storm
	wait $storm || true
	wait_for "the function is free" is_free
	unharmed "F22 a storm of signals"

	stop_vfiod
}

# ---- sysfs and VFIO ------------------------------------------------------------------------------------------------
# cannot_take NUMBER FAULT TEXT...: with that fault the host's function is not taken, which is said; it stays where it was.
cannot_take() {
	local number=$1 fault=$2
	shift 2
	machine_does "fault $spare $fault"
	refused vfioctl assign $spare --user $alice
	names "$number the refusal says so: $fault" "$@"
	machine_does "fault $spare ${fault%% *} off"
	equal "$number its driver has it still, or again" nvme "$(driver_of $spare)"
	equal "$number with the driver_override of before" "(null)" "$(override_of $spare)"
	equal "$number it is nobody's" "unmanaged null" "$(field $spare state) $(field $spare owner_uid)"
	unharmed "$number not taken: $fault"
}
# cannot_clean NUMBER FAULT TEXT...: with that fault, at the end of a lease, the function is kept from everybody, until the
# fault is over and it is cleaned.
cannot_clean() {
	local number=$1 fault=$2
	shift 2
	hold
	machine_does "fault $mine $fault"
	end KILL "$holder"
	wait_for "$number it is quarantined: $fault" state_is $mine quarantined
	said=$(field $mine quarantine_reason)
	names "$number the reason is said" "$@"
	refused as $alice lease hold $mine
	refused vfioctl assign $mine --user $bob
	unharmed "$number quarantined: $fault"
	machine_does "fault $mine ${fault%% *} off"
	check "$number without the fault it can be cleaned" vfioctl quarantine clear $mine
	check "$number and is had again" as $alice lease cycle 1 $mine
	unharmed "$number clean again: $fault"
}
answers() {
	local error what
	begin
	cannot_take F28 "probe:vfio-pci yes" "driver refused it"
	for error in EBUSY EIO ENODEV short; do
		cannot_take F29 "write:driver_override $error 1" "could not be bound"
		cannot_take F29 "write:unbind $error 1" "could not be bound"
	done
	cannot_take F29 "write:drivers_probe EIO 1" "driver refused it"
	cannot_take F31 "viable no" "not viable"
	cannot_take F32 "open EBUSY" "open in another program"
	cannot_take F36 "open ENOENT" "No such file"
	cannot_take F36 "open EACCES" "Permission denied"
	for error in EIO ENODEV ETIMEDOUT ENOTTY; do cannot_take F33 "write:reset $error" reset; done
	for what in ones:answer id:bad1 bars:BARs serial:"another device" msix:MSI-X master:"bus mastering"; do
		cannot_take F33 "after-reset ${what%%:*}" "${what#*:}"
		# another one in its place: that is as its reset has left it
		machine_does "unplug $spare"
		wait_for "vfiod forgets it" not vfioctl show $spare
		machine_does "function $spare group=2"
		wait_for "another one is there" state_is $spare unmanaged
		cannot_clean F33 "after-reset ${what%%:*}" "${what#*:}"
	done
	for error in EIO EBUSY ENODEV ENOTTY; do cannot_clean F33 "write:reset $error" reset; done

	stop_vfiod
}

# ---- lost events -----------------------------------------------------------------------------------------------------
events() {
	local i many
	local -a flood=()
	many=$(($(cat /proc/sys/net/core/rmem_max) / 400 + 1000))	# of some 800 bytes, and it holds twice that
	for ((i = 0; i < many; i++)); do flood+=("uevent $mine change"); done
	begin
	stop_vfiod
	# without that right, as a service, its socket holds no more than any; root's has 128 MiB
	start_vfiod_under setpriv --bounding-set=-net_admin
	wait_for "both are free" eval "is_free && state_is $other free"
	hold
	kill -STOP "$vfiod_pid"
	machine_does "${flood[@]}" "unplug $spare" "function 0000:00:04.0 group=4"
	kill -CONT "$vfiod_pid"
	wait_for "F37 vfiod says that it has lost events" logged "events were lost"
	wait_for "F37 it sees what has gone meanwhile" not vfioctl show $spare
	check "F37 and what has come" state_is 0000:00:04.0 unmanaged
	check "F37 the lease goes on" is_leased
	unharmed "F37 a flood of events, of which some are lost"
	let_go
	machine_does "unplug 0000:00:04.0" "function $spare group=2"
	wait_for "all is as before" state_is $spare unmanaged

	# as where there is no memory for what it says
	mv /sys/bus/pci/devices/$mine/subsystem_device /run/subsystem_device
	machine_does "uevent $mine change" "function 0000:00:04.0 group=4"
	wait_for "vfiod has seen both events" state_is 0000:00:04.0 unmanaged
	mv /run/subsystem_device /sys/bus/pci/devices/$mine/subsystem_device
	equal "F21 a function of which not all can be read is no other one" "free 1001" \
		"$(field $mine state) $(field $mine owner_uid)"
	machine_does "unplug 0000:00:04.0"
	wait_for "vfiod forgets it" not vfioctl show 0000:00:04.0
	unharmed "F21 an event of a function of which not all can be read"

	local files
	files=$(prlimit --pid "$vfiod_pid" --nofile --noheadings --output SOFT)
	prlimit --pid "$vfiod_pid" --nofile=3:
	machine_does "function 0000:00:04.0 group=4"
	wait_for "F21 that a function cannot be read for want of files is said" logged "it looks again soon"
	prlimit --pid "$vfiod_pid" --nofile="$files":
	wait_for "F21 when there are some again it is known" state_is 0000:00:04.0 unmanaged
	machine_does "unplug 0000:00:04.0"
	wait_for "vfiod forgets it" not vfioctl show 0000:00:04.0
	unharmed "F21 a function that comes while there are no files"
	stop_vfiod
}

# ---- a function that goes while vfiod looks at it ------------------------------------------------------------------
has_open() { find "/proc/$vfiod_pid/fd" -lname "$1" | grep -q .; }
gone() {
	local override=/sys/bus/pci/devices/$spare/driver_override held
	begin
	# who reads that waits, and vfiod has then neither noted nor changed anything
	rm $override
	mkfifo $override
	exec {held}<>$override
	vfioctl assign $spare --user $alice >/run/said 2>&1 &
	process=$!
	wait_for "vfiod looks at the function" has_open "*/driver_override"
	machine_does "unplug $spare" "function $spare driver=nvme group=2" "function 0000:00:04.0 group=4"
	wait_for "vfiod has seen what happened meanwhile" state_is 0000:00:04.0 unmanaged
	echo "(null)" >&"$held"
	exec {held}>&-
	exit_status=0
	wait "$process" || exit_status=$?
	said=$(cat /run/said)
	equal "F26 a function that went while it was looked at is not assigned" 1 $exit_status
	names "F26 which is told" "$spare" "unplugged meanwhile"
	wait_for "F26 what has come in its place is the host's" state_is $spare unmanaged
	equal "F26 and has the driver that it came with" nvme "$(driver_of $spare)"
	machine_does "unplug 0000:00:04.0"
	wait_for "vfiod forgets it" not vfioctl show 0000:00:04.0
	unharmed "F26 a function is replaced while it is looked at"
	stop_vfiod
}

# ---- another configuration ----------------------------------------------------------------------------------------
warm_are() { [ "$(vfioctl list --json | grep -c '"warm": *true')" = "$1" ]; }
reloads() {
	begin
	wait_for "both functions are open in advance" warm_are 2
	configure <<<"warm-devices = 1"
	check "fewer are to be open in advance" vfioctl reload
	wait_for "one is closed" warm_are 1
	unharmed "fewer functions are kept open than before"
	configure </dev/null
	check "and again as many as before" vfioctl reload
	wait_for "it is opened again" warm_are 2
	unharmed "more functions are kept open than before"

	machine_does "fault $mine irqs EINVAL"
	check "what the kernel could not ask back is leased all the same" as $alice lease cycle 1 $mine
	wait_for "and is not kept open after that" logged "not opened in advance: the kernel cannot tell"
	wait_for "but free" is_free
	check "which is no matter of the other one" warm_are 1
	machine_does "unplug $mine"
	wait_for "so that an unplug waits for nobody" not vfioctl show $mine
	machine_does "function $mine driver=nvme"
	wait_for "it is opened when it is back" warm_are 2
	unharmed "a function that is not kept open, since the kernel could not ask it back"

	configure <<<'rule "all" { class = "0108"  pool = "all" }'
	check "all are in a pool" vfioctl reload
	check "another one becomes its user's" vfioctl assign $spare --user $alice
	wait_for "it is opened, too" warm_are 3
	background leased /run/group as $alice lease grouped pool:all
	check "who gets one by its group's file has that one closed, and no other" warm_are 2
	end KILL "$process"
	wait_for "it is opened when the lease has ended" warm_are 3
	check "it is given back" vfioctl release $spare
	unharmed "one of a pool by its group's file"
	stop_vfiod
}

# ---- a group with two functions of one user's -----------------------------------------------------------------------
second=0000:00:05.0	# in $spare's group
resets() { machine "do" state | sed -n "s/^function $second .* resets \([0-9]*\) .*/\1/p"; }
more_resets() { [ "$(resets)" -gt "$1" ]; }
cycles() { as $alice lease cycle 1 $spare && as $alice lease cycle 1 $second; }
groups() {
	local before i
	begin
	machine_does "function $second driver=nvme group=2" "unbind $second"
	wait_for "it is there" state_is $second unmanaged
	quietly vfioctl assign $spare --user $alice
	quietly vfioctl assign $second --user $alice
	background leased /run/held as $alice lease asked $spare
	holder=$process
	kill_vfiod
	start_vfiod
	wait_for "all is known again" settled_all
	equal "a lease goes on over a restart, and the other function of its group is free" "leased free" \
		"$(field $spare state) $(field $second state)"
	before=$(resets)
	end KILL "$holder"
	wait_for "which is cleaned after the lease" more_resets "$before"
	check "both can be had then" cycles
	quietly vfioctl release $second
	quietly vfioctl release $spare
	machine_does "unplug $second"
	wait_for "vfiod forgets it" not vfioctl show $second
	unharmed "a restart under a lease of one of two functions of a group"
	stop_vfiod
}

# ---- where vfiod writes --------------------------------------------------------------------------------------------
overwrite() { dd if="$1" of="$4" bs=1 seek="$2" count="$3" conv=notrunc status=none; }
# its version, without the checksum of one that a newer vfiod has written
spoil_version() { printf '\377' | dd of="$1" bs=1 seek=8 conv=notrunc status=none; }

writes() {
	local damage
	begin
	stop_vfiod
	cp -a $state_dir /run/state.good
	# damage: each of these to the journal of a vfiod with a lease.
	for damage in "truncate -s 700" "truncate -s 0" spoil_version "overwrite /dev/zero 520 64" "overwrite /dev/urandom 0 4096"; do
		start_vfiod
		wait_for "both are free" eval "is_free && state_is $other free"
		hold
		kill_vfiod
		$damage /run/vfiod/journal
		start_vfiod
		wait_for "F19 what nobody knows of any more is revoked, and the function clean" is_free
		check "F19 which is said" logged "journal.*damaged"
		wait_for "the other one, too" state_is $other free
		unharmed "F19 the journal: $damage"
		end KILL "$holder"
		stop_vfiod
	done

	mount -t tmpfs -o size=16k state $state_dir
	quietly cp -a /run/state.good/. $state_dir
	cat /dev/zero >$state_dir/full 2>/dev/null || true
	rm -rf /run/vfiod
	start_vfiod
	wait_for "vfiod has nothing to do" settled_all
	refused vfioctl assign $spare --user $alice
	names "F19 without room an assignment cannot be kept, and is not made" "No space left"
	equal "F19 its driver has it" nvme "$(driver_of $spare)"
	agrees "F19 no room for what is kept" vfioctl list
	mount -o remount,ro $state_dir
	refused vfioctl assign $spare --user $alice
	names "F19 nor where nothing can be written" "Read-only"
	agrees "F19 a file system that cannot be written" vfioctl list
	stop_vfiod
	umount $state_dir
	rm -rf /run/vfiod
	start_vfiod
	wait_for "both are taken again" eval "is_free && state_is $other free"
	unharmed "F19 all is as it was"
	stop_vfiod
}

# ---- death at each step of the journal -------------------------------------------------------------------------------
# look FUNCTION: what vfiod says of it is $state and $pid.
look() { state=$(field $mine state) pid=$(field $mine holder_pid); }

# act: what vfiod is killed over; whoever asked for it is $asker.
asker=
act() {
	case $occasion in
	assign) vfioctl assign $mine --user $alice >/run/answer 2>&1 & ;;
	hand-on) vfioctl assign $mine --user $bob >/run/answer 2>&1 & ;;
	clear) vfioctl quarantine clear $mine >/run/answer 2>&1 & ;;
	acquire | cold) as $alice lease asked $mine >/run/held 2>&1 & ;;
	end) kill -KILL "$holder"; return ;;
	revoke) vfioctl revoke $mine --grace 0 >/run/answer 2>&1 & ;;
	announce) vfioctl revoke $mine --grace 0.1 >/run/answer 2>&1 & ;;
	release) vfioctl release $mine >/run/answer 2>&1 & ;;
	esac
	asker=$!
}
# spoil: the function is in quarantine, and would be clean if it were cleaned again.
spoil() {
	machine_does "fault $mine after-reset ones"
	as $alice lease cycle 1 $mine >/dev/null 2>&1 || true
	wait_for "the function is in quarantine" state_is $mine quarantined
	machine_does "fault $mine after-reset off"
	wait_for "vfiod has nothing to do" settled_all
}
# prepare: the function is as the occasion wants it.
prepare() {
	wait_for "vfiod has nothing to do" settled_all
	case $occasion in
	assign) ! state_is $mine free || quietly vfioctl release $mine ;;
	clear) state_is $mine quarantined || spoil ;;
	*) [ "$(field $mine state) $(field $mine owner_uid)" = "free $alice" ] || quietly vfioctl assign $mine --user $alice ;;
	esac
	case $occasion in end | revoke | announce) hold ;; esac
	asker=
	: >/run/held
}
# happened: what was to happen has.
happened() {
	case $occasion in
	assign | clear) state_is $mine free ;;
	hand-on) [ "$(field $mine owner_uid)" = $bob ] ;;
	acquire | cold) grep -q leased /run/held ;;
	end | revoke | announce) state_is $mine free ;;
	release) state_is $mine unmanaged ;;
	esac && idle
}
under_trace() {
	: >/run/killpoint	# before the look for "ready": one of before is not meant
	killpoint "$vfiod_pid" "$@" >/run/killpoint 2>&1 &
	tracer=$!
	wait_for "vfiod is traced" grep -q ready /run/killpoint
	act
}
settle_client() {
	if [[ "$occasion" = @(acquire|cold) && -n "$asker" ]]; then
		pkill -KILL -P "$asker" 2>/dev/null || kill -KILL "$asker" 2>/dev/null || true
	fi
	[ -z "$holder" ] || kill -KILL "$holder" 2>/dev/null || true
	holder=
	[ -z "$asker" ] || wait "$asker" 2>/dev/null || true
	asker=
}
record() {
	prepare
	under_trace
	wait_for "$occasion is done" happened
	kill -TERM "$tracer"
	wait "$tracer" || true
	settle_client
	grep '^[0-9]' /run/killpoint >"/run/points.$occasion"
}
# over: vfiod is dead, or has done all without coming to that call.
over() { ! alive "$tracer" || happened; }
die_at() {
	local told=1
	prepare
	# shellcheck disable=SC2086 # two words
	under_trace ${1% *}
	wait_for "vfiod comes to that call, or has done it" over
	reached=yes
	if alive "$tracer"; then
		unreached=$((unreached + 1)) reached=no
		kill -KILL "$vfiod_pid"
	fi
	wait "$tracer" 2>/dev/null || true
	wait "$vfiod_pid" 2>/dev/null || true
	killed=$((killed + 1))
	case $occasion in
	acquire | cold) ! grep -q leased /run/held || told=0 ;;
	end) ;;
	*) if wait "$asker" 2>/dev/null; then told=0; fi ;;
	esac
	start_vfiod
	wait_for "vfiod has nothing to do" settled_all
	look
	case $occasion/$told/$state in
	assign/0/free | assign/1/free | assign/1/unmanaged | release/0/unmanaged | release/1/unmanaged | release/1/free) ;;
	acquire/0/leased | acquire/1/leased | acquire/1/free | end/1/free) ;;
	cold/0/leased | cold/1/leased | cold/1/free) ;;
	hand-on/[01]/free | clear/0/free | clear/1/free | clear/1/quarantined) ;;
	revoke/0/free | revoke/1/free | revoke/1/leased | announce/0/free | announce/1/free | announce/1/leased) ;;
	*) fail "F16 $occasion, killed before $1: it is $state, and what was told is $told (0: that it is done)" ;;
	esac
	[ "$occasion/$told" != hand-on/0 ] || [ "$(field $mine owner_uid)" = $bob ] ||
		fail "F16 hand-on, killed before $1: it is $(field $mine owner_uid)'s though its new owner was told"
	[ "$state" != leased ] || [[ "$occasion" = @(acquire|cold) ]] || [ "$pid" = "$holder" ] ||
		fail "F16 $occasion, killed before $1: it is leased to $pid, and not to $holder"
	agree || { disagreement | sed 's/^/# /'; fail "F16 $occasion, killed before $1: all agree"; }
	settle_client
}
journal_steps() {
	awk '$3 ~ /^(pwrite64|rename|renameat|unlink|unlinkat|fsync)$/ { print; behind = 1; next } behind { print; behind = 0 }'
}
killed=0 unreached=0 reached=
deaths() {
	begin
	for occasion in assign acquire cold end revoke announce hand-on clear release; do
		if [ $occasion = cold ]; then configure <<<"warm-devices = 0"; else configure </dev/null; fi
		quietly vfioctl reload
		record
		mapfile -t points < <(journal_steps <"/run/points.$occasion")
		[ "${#points[@]}" -ge 2 ] || { sed 's/^/# /' "/run/points.$occasion"; fail "F16 $occasion: something is written down"; }
		for at in "${points[@]}"; do
			# calls may come in another order, once or twice
			for try in 1 2 3; do
				die_at "$at"
				[ $reached = no ] || break
			done
			[ $reached = yes ] || fail "F16 $occasion: vfiod comes to the call $at ($try times in vain)"
		done
		wait_for "vfiod has nothing to do" settled_all
		! state_is $mine quarantined || quietly vfioctl quarantine clear $mine
		[ "$(field $mine state) $(field $mine owner_uid)" = "free $alice" ] || quietly vfioctl assign $mine --user $alice
		unharmed "F16 $occasion: vfiod is killed at each step of its journal (${#points[@]} calls)"
	done
	echo "figure: vfiod killed $killed times, $unreached of them not at the step"
	stop_vfiod
}

# FAULTS: some of these alone.
for part in ${FAULTS:-clients want answers events gone reloads groups writes deaths}; do $part; done
finish
