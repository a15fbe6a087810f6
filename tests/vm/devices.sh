# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The PCI devices of the test machine, as arguments for QEMU. Every slot of the root complex holds a
# root port, so bus N is what sits behind the Nth port:
#
#   01:00.0          edu                       no reset but the bus's
#   02:00.0          nvme                      function level reset
#   03:00.0          nvme with 4 VFs           SR-IOV, function level reset
#   04:00.0          e1000e                    power management reset
#   05:00.0          igb with 8 VFs            SR-IOV, function level reset
#   06:00.0          pci-testdev               with a ROM
#   07:00.0, 07:00.1 edu, pci-testdev          two functions of a slot: one group
#   09:01.0, 09:02.0 edu, e1000                behind a bridge to conventional PCI: one group
#   0a:00.0, 0b:00.0 ...                       edu, as many as --edus says: none by itself
#
# QEMU's monitor knows those by themselves behind a port as devN (the NICs as nicN), N being the bus.
#
# What the e1000e and the igb send reaches the other one; what the e1000 sends goes nowhere. No network of the host is
# touched.

# make_devices FOLDER EDUS: fills device_args; backing files are created in FOLDER.
make_devices() {
	local folder=$1 edus=$2
	local port=0
	local queues=max_ioqpairs=10,msix_qsize=10,sriov_vq_flexible=8,sriov_vi_flexible=4
	device_args=()
	truncate -s 64M "$folder/nvme0.img" "$folder/nvme1.img"
	make_rom >"$folder/rom"

	next_port
	device_args+=(-device "edu,id=dev$port,bus=rp$port")

	next_port
	device_args+=(
		-drive "if=none,id=disk0,file=$folder/nvme0.img,format=raw"
		-device "nvme,id=dev$port,bus=rp$port,serial=vfiod0,drive=disk0,logical_block_size=4096,physical_block_size=4096"
	)

	# SR-IOV wants a subsystem, and queues and vectors that the VFs can be given.
	next_port
	device_args+=(
		-device "nvme-subsys,id=subsys0"
		-device "nvme,id=nvme1,bus=rp$port,serial=vfiod1,subsys=subsys0,$queues,sriov_max_vfs=4"
		-drive "if=none,id=disk1,file=$folder/nvme1.img,format=raw"
		-device "nvme-ns,bus=nvme1,drive=disk1,nsid=1,shared=on,logical_block_size=4096,physical_block_size=4096"
	)

	next_port
	add_nic e1000e 1 "bus=rp$port"

	next_port
	add_nic igb 1 "bus=rp$port"

	next_port
	device_args+=(-device "pci-testdev,id=dev$port,bus=rp$port,membar=1M,romfile=$folder/rom")

	next_port
	device_args+=(
		-device "edu,bus=rp$port,addr=0.0,multifunction=on"
		-device "pci-testdev,bus=rp$port,addr=0.1"
	)

	next_port	# the bridge is bus 8, what is behind it bus 9
	device_args+=(-device "pcie-pci-bridge,id=conventional,bus=rp$port" -device "edu,bus=conventional,addr=1")
	add_nic e1000 2 bus=conventional,addr=2

	# The root complex has 32 slots: of many edus eight have their ports in one, after those of the others.
	local place="" i
	for ((i = 0; i < edus; i++)); do
		# the ports without a place of their own begin at slot 4
		[ "$edus" -le 12 ] || printf -v place ',multifunction=on,addr=0x%x.%d' $((12 + i / 8)) $((i % 8))
		next_port "$place"
		device_args+=(-device "edu,id=dev$port,bus=rp$port")
	done
}

# next_port [,OPTION...]
next_port() {
	port=$((port + 1))
	device_args+=(-device "pcie-root-port,id=rp$port,x-speed=5,slot=$port,chassis=$port${1-}")
}

# make_rom: 16 KiB that are no program of any firmware's: the header (PCI Firmware 3.0, 5.1), a PCI data structure at 0x1c of
# a code type that nobody knows, and a line over and over.
make_rom() {
	printf '\x55\xaa\x20\xcb'
	head -c 20 /dev/zero
	printf '\x1c\0\0\0'
	printf 'PCIR\x36\x1b\x05\0\0\0\x18\0\0\0\0\xff\x20\0\0\0\x7f\x80\0\0'
	head -c 12 /dev/zero
	printf 'vfiod\n%.0s' {1..2720}
}

# add_nic MODEL HUB PLACE: without a boot ROM, which would only slow the firmware down.
add_nic() {
	device_args+=(-netdev "hubport,id=net$port,hubid=$2" -device "$1,id=nic$port,netdev=net$port,romfile=,$3")
}
