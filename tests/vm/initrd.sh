# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The initial file system of the test machine: busybox, the few modules that lead to the root file
# system, and a script that puts the root together and goes there.

# boot_modules TREE VERSION: the module files to load, in order.
boot_modules() {
	local name
	{
		# Not every kernel has it; functions must not be looked at before it is there.
		modprobe -d "$1" -S "$2" --show-depends virtio_iommu 2>/dev/null || true
		for name in virtio_pci 9pnet_virtio 9p overlay; do
			modprobe -d "$1" -S "$2" --show-depends "$name"
		done
	} | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# copy_modules TREE VERSION FOLDER: uncompressed and numbered, so that insmod of busybox takes them in order.
copy_modules() {
	local file to n=10
	boot_modules "$1" "$2" | while read -r file; do
		n=$((n + 1))
		to=$3/$n-$(basename "$file")
		case $file in
		*.xz) xz -dc "$file" >"${to%.xz}" ;;
		*.zst) zstd -qdc "$file" >"${to%.zst}" ;;
		*) cp "$file" "$to" ;;
		esac
	done
}

# copy_busybox FOLDER: and its libraries, where it is not the static one.
copy_busybox() {
	local busybox library
	busybox=$(command -v busybox)
	mkdir -p "$1/bin"
	cp -L "$busybox" "$1/bin/busybox"
	{ ldd "$busybox" 2>/dev/null || true; } | sed -n 's/.*[[:space:]]\(\/[^ ]*\) (.*/\1/p' | while read -r library; do
		install -D "$library" "$1$library"
	done
}

pack() {
	(cd "$1" && find . | cpio -o -H newc --quiet -R 0:0) >"$2"
}

# make_accounts FOLDER: etc/passwd and so on, with the system's users of this machine and with ours: the
# accounts of people here must not matter there.
make_accounts() {
	local file name id
	mkdir -p "$1/etc"
	for file in passwd group shadow gshadow; do
		[ -r "/etc/$file" ] || continue
		awk -F: -v shadow="${file##*sh*}" 'shadow == "" ? $1 == "root" : $3 < 1000 || $3 > 60000' "/etc/$file" >"$1/etc/$file"
	done
	for name in alice:1001 bob:1002; do
		id=${name#*:} name=${name%:*}
		echo "$name:x:$id:$id::/home/$name:/bin/bash" >>"$1/etc/passwd"
		echo "$name:x:$id:" >>"$1/etc/group"
		mkdir -p "$1/home/$name"
	done
	echo pcilab:x:1100: >>"$1/etc/group"
}

# init_text PROGRAM OVERLAID: the script of the initial file system. PROGRAM goes on in the real root;
# OVERLAID is 1 when a second tree ("tree") lies over the machine's own root ("host").
#
# The mask layer keeps out what the developer's machine may have of its own in those places: module
# options, an installed vfiod and its state, the marks of a container.
init_text() {
	cat <<INIT
#!/bin/busybox sh
export PATH=/bin
busybox mount -t proc proc /proc
busybox --install -s /bin
trouble() { echo "initrd: \$*" >/dev/console; poweroff -f; }
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do [ ! -e "\$module" ] || insmod "\$module" || trouble "insmod \$module"; done

options=trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro
mount -t 9p -o \$options host /host || trouble "no root file system"
lower=/mask:/host
if [ $2 = 1 ]; then
	mount -t 9p -o \$options tree /tree || trouble "no tree to lay over the root file system"
	lower=/tree:\$lower
fi

mount -t tmpfs mask /mask
cp -a /accounts/. /mask/
mkdir -p /mask/var/lib
for path in etc/modprobe.d etc/vfiod var/lib/vfiod .dockerenv; do mknod "/mask/\$path" c 0 0; done
chown 1001:1001 /mask/home/alice
chown 1002:1002 /mask/home/bob

mount -t tmpfs upper /upper
mkdir /upper/data /upper/work
mount -t overlay -o lowerdir=\$lower,upperdir=/upper/data,workdir=/upper/work root /root || trouble "no overlay"

# Here and not in the real root, where each command comes over the wire.
umount /proc /sys
mount --move /dev /root/dev
cd /root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t debugfs debugfs sys/kernel/debug
mount -t tracefs tracefs sys/kernel/tracing
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 run run
mkdir -p dev/pts dev/shm dev/hugepages run/lock run/vfiod-vm
mount -t devpts -o mode=620,gid=5,ptmxmode=666 devpts dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t hugetlbfs hugetlbfs dev/hugepages
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 share run/vfiod-vm || trouble "no shared folder"
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
ip link set lo up
hostname vm
exec switch_root /root $1 </dev/console >/dev/console 2>&1
INIT
}

# make_initrd TREE VERSION PROGRAM OVERLAID FOLDER: FOLDER/initrd; an empty VERSION means that the kernel
# has everything built in.
make_initrd() {
	local tree=$1 version=$2 program=$3 overlaid=$4 folder=$5
	local rd=$folder/initrd.d
	mkdir -p "$rd"/{bin,proc,sys,dev,modules,host,tree,mask,upper,root}
	copy_busybox "$rd"
	make_accounts "$rd/accounts"
	if [ -n "$version" ]; then copy_modules "$tree" "$version" "$rd/modules"; fi
	init_text "$(printf %q "$program")" "$overlaid" >"$rd/init"
	chmod +x "$rd/init"
	pack "$rd" "$folder/initrd"
	rm -rf "$rd"
}

# make_probe_initrd FOLDER: FOLDER/probe, which says a word on the console and ends.
make_probe_initrd() {
	local rd=$1/probe.d
	mkdir -p "$rd"/{proc,sys,dev}
	copy_busybox "$rd"
	cat >"$rd/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
echo guest-is-alive >/dev/ttyS0
/bin/busybox poweroff -f
INIT
	chmod +x "$rd/init"
	pack "$rd" "$1/probe"
	rm -rf "$rd"
}
