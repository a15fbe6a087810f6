# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the shell of `./demo --shell` begins with: the module and vfiod are there, and a word on what to do.
# shellcheck source-path=SCRIPTDIR source=vfiod.sh
. "${BASH_SOURCE[0]%/*}/vfiod.sh"
if [ "${DEMO_HANDLES:-yes}" = yes ]; then load_handles; else load_vfio; fi >/dev/null
load nvme e1000e igb
start_vfiod
PS1='\u@vfiod:\w\$ '
take_back="vfioctl revoke 0000:01:00.0 --grace 1"
[ "${DEMO_HANDLES:-yes}" = yes ] || take_back="kill %1"	# a lease of the files themselves cannot be revoked
cat <<WORDS
You are root in the test machine; vfiod runs, and logs to $vfiod_log. alice and bob are users. For example:
    vfioctl list
    vfioctl assign 0000:01:00.0 --user alice
    as alice edu --hold 0000:01:00.0 &
    $take_back
exit ends the machine.
WORDS
