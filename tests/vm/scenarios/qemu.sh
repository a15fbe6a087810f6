#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12 debug
#
# An unmodified QEMU of alice's has an edu and an nvme in its machine: with VFIO's own files, and with handles in their
# place. It must not be able to tell the difference. Where there is iommufd it gets its files passed, and has no right
# to open any; elsewhere it opens container and group itself. In these the machine runs no program: the scenario is its
# processor and its driver, by QEMU's qtest protocol. In the last one its firmware finds the nvme, and boots from it.
# run-options: --timeout 600
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0 nvme=0000:02:00.0
folder=/run/alice
bar=$((0xe0000000))	# where the function's BAR 0 is in the machine
slot=$((0x80001000))	# and its config space

# ---- the firmware's disk -----------------------------------------------------------------------------------
# make_bootable FUNCTION: its first sector says a word on the port that firmware says its own on (0x402), and halts:
#	xor ax,ax; mov ds,ax; mov si,0x7c16; mov dx,0x402; cld; next: lodsb; or al,al; jz end; out dx,al; jmp next
#	end: hlt; jmp end
make_bootable() {
	local disk="" code='\x31\xc0\x8e\xd8\xbe\x16\x7c\xba\x02\x04\xfc\xac\x08\xc0\x74\x03\xee\xeb\xf8\xf4\xeb\xfd'
	load nvme
	bind nvme "$1"
	wait_for "its disk is there" has_disk "$1"
	printf '%bbooted from it\n' "$code" >/run/sector
	truncate -s 510 /run/sector
	printf '\x55\xaa' >>/run/sector
	dd if=/run/sector of="$disk" bs=4096 conv=sync,fsync status=none
}
has_disk() {
	disk=/dev/$(find "/sys/bus/pci/devices/$1/nvme/" -name 'nvme*n1' -printf '%f')
	[ -b "$disk" ]
}

# ---- what there is -----------------------------------------------------------------------------------------
load_handles
use_clients
use_calls
modprobe -q iommufd || true
make_bootable $nvme
bind $vfio_driver $edu $nvme
install -d -o alice $folder
ulimit -l unlimited
export -f as
exec 7<>/dev/vfiod

# ---- the machine -----------------------------------------------------------------------------------------
# start_qemu NAME FUNCTION WHAT: it says in $folder/NAME what it calls, and in NAME.err what it has to say. It gets a
# file or a handle, as WHAT says.
start_qemu() {
	local name=$1 function=$2 what=$3
	local -a give=() settings=("LD_PRELOAD=$calls" "CALLS_FILE=$folder/$name") devices
	if [ -e /dev/iommu ]; then
		give=(lend "$function" "$what")
		devices=(-object "iommufd,id=iommu,fd=8" -device "vfio-pci,addr=2,fd=9,iommufd=iommu")
	else
		chown alice "/dev/vfio/$(group_of "$function")"
		[ "$what" = file ] || settings+=(CALLS_NODE=7)
		devices=(-device "vfio-pci,addr=2,host=$function")
	fi
	rm -f $folder/{in,out}
	mkfifo $folder/{in,out}
	program_output=$folder/$name.err
	# shellcheck disable=SC2016  # expanded by that shell
	"${give[@]}" bash -c 'as alice "$@"' - setarch --addr-no-randomize env "${settings[@]}" qemu-system-x86_64 -M pc -m 16 \
		-accel tcg -S -nodefaults -no-user-config -display none -qtest stdio -qtest-log none "${devices[@]}" \
		<$folder/in >$folder/out 2>"$program_output" &
	job=$!
	exec {to_qemu}>$folder/in {from_qemu}<$folder/out
}

# ask COMMAND...: one of qtest's; $answer is the value, if it has one.
ask() {
	local ok
	echo "$*" >&"$to_qemu"
	read -r -t 60 -u "$from_qemu" ok answer || answer=gone
	[ "$answer" != gone ] && [ "$ok" = OK ]
}

# end_qemu: sets $status.
end_qemu() {
	kill "$(pgrep -P "$job")"
	wait_for_qemu
}
wait_for_qemu() {
	status=0
	wait "$job" || status=$?
	exec {to_qemu}>&- {from_qemu}<&-
}

# load_is ADDRESS VALUE, config AT [VALUE], store AT VALUE: registers and memory, 32 bits at a time
load_is() { ask readl "$1" && [ $((answer)) = $(($2)) ]; }
store() { ask writel "$1" "$2"; }
config() {
	ask outl 0xcf8 $((slot + $1))
	if [ $# = 1 ]; then ask inl 0xcfc; else ask outl 0xcfc "$2"; fi
}
config_is() { config "$1" && [ $((answer)) = $(($2)) ]; }

enable() {
	config 0x10 $bar
	config 0x04 0x6	# memory, bus mastering
}

# capability ID: where it is in config space
capability() {
	config 0x34
	at=$((answer & 0xfc))
	while [ $at != 0 ]; do
		config $at
		[ $((answer & 0xff)) != "$1" ] || return 0
		at=$((answer >> 8 & 0xfc))
	done
	return 1
}

# ---- what it does with a function --------------------------------------------------------------------------
use_edu() {
	check "edu is in the machine" config_is 0 0x11e81234
	enable
	check "its registers can be read" load_is $bar 0x010000ed
	store $((bar + 4)) 0x12345678
	check "and written" load_is $((bar + 4)) 0xedcba987

	store 0x100000 0xc0ffee
	edu_transfer 0x100000 0x40000 1
	edu_transfer 0x40000 0x102000 3
	check "it reads and writes the machine's memory" load_is 0x102000 0xc0ffee

	# An MSI is a write to memory, wherever that is.
	capability 5
	config $((at + 4)) 0x103000
	config $((at + 8)) 0
	config $((at + 12)) 0x4242
	config $at
	config $at $((answer | 0x10000))
	store $((bar + 0x60)) 1
	wait_for "its interrupt arrives" load_is 0x103000 0x4242
	ok "its interrupt arrives"
	store $((bar + 0x64)) 1

	ask outb 0xcf9 6
	wait_for "the machine resets" config_is 0x10 0
	enable
	check "edu answers after a reset of the machine" load_is $bar 0x010000ed
}
edu_transfer() {
	store $((bar + 0x80)) "$1"
	store $((bar + 0x88)) "$2"
	store $((bar + 0x90)) 4
	store $((bar + 0x98)) "$3"
	wait_for "a transfer ends" load_is $((bar + 0x98)) $(($3 & ~1))
}

# An admin queue, and the one command that says who it is.
use_nvme() {
	check "nvme is in the machine" config_is 0 0x00101b36
	enable
	store $((bar + 0x24)) 0x00010001	# both queues have two entries
	store $((bar + 0x28)) 0x104000
	store $((bar + 0x30)) 0x105000
	store $((bar + 0x14)) 0x00460001
	wait_for "the controller is ready" load_is $((bar + 0x1c)) 1
	store 0x104000 0x00000006
	store 0x104018 0x106000
	store 0x104028 1
	store $((bar + 0x1000)) 1
	wait_for "the command is done" load_is 0x10500c 0x00010000
	check "it writes its serial number to the machine's memory" load_is 0x106004 0x6f696676	# "vfio"
}

# eject: what the machine does with a function that it has been asked to give back
eject() {
	ask outl 0xae10 0
	ask outl 0xae08 4
}

# same_calls NAME FUNCTION DRIVER: with files, and with handles. A group has no handle, and this one tells them apart:
# the kernel lets go of a device by a handle when its container's handle has ended, and of the container (105) only then.
same_calls() {
	local what
	for what in file handle; do
		echo "# $1: $what"
		start_qemu "$1-$what" "$2" "$what"
		"$3"
		eject
		check "$1 can be taken out of the machine" config_is 0 0xffffffff
		end_qemu
		equal "QEMU ends well" 0 "$status"
	done
	sed -i 's/^group ioctl 105: error 16$/group ioctl 105: 0/' "$folder/$1-handle"
	check "each of its $(wc -l <"$folder/$1-file") calls has had the same result" diff "$folder/$1-file" "$folder/$1-handle"
}

same_calls edu $edu use_edu
same_calls nvme $nvme use_nvme

# ---- its firmware --------------------------------------------------------------------------------------------
[ -e /dev/iommu ] || chown alice "/dev/vfio/$(group_of $nvme)"
firmware=$folder/firmware
machine=(qemu-system-x86_64 -M pc -m 16 -accel tcg -nodefaults -no-user-config -display none
	-chardev "file,id=firmware,path=$firmware" -device "isa-debugcon,iobase=0x402,chardev=firmware")
if [ -e /dev/iommu ]; then
	give=(lend "$nvme" file bash -c 'as alice "$@"' -)
	machine+=(-object "iommufd,id=iommu,fd=8" -device "vfio-pci,addr=2,fd=9,iommufd=iommu")
else
	give=(as alice)
	machine+=(-device "vfio-pci,addr=2,host=$nvme")
fi
program_output=$firmware
"${give[@]}" "${machine[@]}" 2>$folder/firmware.err &
job=$!
WAIT_SECONDS=240 wait_for "the firmware of a machine boots from nvme" grep -qs "booted from it" $firmware
ok "the firmware of a machine boots from nvme ($(grep -o 's=[0-9]*$' $firmware) sectors)"
kill "$(pgrep -P "$job")"
wait "$job" || fail "QEMU ends well"

# ---- in the middle of it -------------------------------------------------------------------------------------
start_qemu revoked $edu handle
enable
check "edu is in the machine" load_is $bar 0x010000ed
check "edu is taken away from the machine" lend back
if [ -e /dev/iommu ]; then
	check "the next user has it at once" handles registers_dma_and_interrupts_work_through_handles $edu
fi
config 8
check "a call on it fails" grep -q 'No such device' "$program_output"
ask readl $bar || true
wait_for_qemu
equal "QEMU dies of an access to its registers" $((128 + 7)) "$status"
check "edu is as new" handles registers_dma_and_interrupts_work_through_handles $edu
if [ -e /dev/iommu ]; then
	check "a handle of an iommufd is none to the kernel, which binds the device to the client's own" \
		handles a_device_by_a_handle_is_bound_to_the_clients_own_iommufd $edu
fi

finish
