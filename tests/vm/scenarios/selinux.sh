#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A security label that the kernel tells of a client is what a rule goes by. SELinux has labels without a policy, too: the
# names of its initial SIDs, "kernel" for all that runs, and a program may give itself another one (labelled.so).
# kernels: 6.1 6.12
# run-options: --append security=selinux
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
other=unlabeled

# with_other COMMAND...: of alice's, with the other label.
with_other() { as alice env LABEL=$other LD_PRELOAD="$labelled" "$@"; }

# rule LABELS: a rule that names them.
rule() {
	configure <<CONF
rule "labels" {
	address = "$edu"
	security-labels = { $1 }
}
CONF
}

# granted SENTENCE AS...: a client that is run so.
granted() {
	local sentence=$1
	shift
	check "$sentence gets the function" "$@" lease cycle 1 $edu
	said=$("$@" vfioctl why $edu) || fail "vfioctl why says so, too"
	names "vfioctl why says so, too" "yes: you would get $edu now"
}

# refused_for LABEL AS...: the label of a client that is run so.
refused_for() {
	local what=("$edu is not for programs with the security label \"$1\"" "rule \"labels\" names others")
	shift
	refused "$@" lease hold $edu
	names "that names its label and the rule" "${what[@]}"
	! said=$("$@" vfioctl why $edu) || fail "vfioctl why says so, too"
	names "vfioctl why says so, too" "${what[@]}" "an administrator"
}

mountpoint -q /sys/kernel/security || mount -t securityfs securityfs /sys/kernel/security
grep -q selinux /sys/kernel/security/lsm || fail "this kernel has SELinux ($(cat /sys/kernel/security/lsm))"
use_clients
use_labels
own=$(as alice cat /proc/self/attr/current | tr -d '\0')
[ -n "$own" ] && [ "$own" != $other ] || fail "the kernel gives programs a label ($own)"
equal "a program can have another label" $other "$(with_other cat /proc/self/attr/current | tr -d '\0')"
load vfio-pci
rule "\"$own\""
start_vfiod
check "a function is assigned to its user" vfioctl assign $edu --user alice

granted "a program with the label that the rule names" as alice
refused_for $other with_other
refused as bob lease hold $edu
names "the label alone is not enough" "$edu is assigned to user 1001"

rule "\"$other\", \"third\""
check "the rule names the other label now" vfioctl reload
refused_for "$own" as alice
granted "the program that has it" with_other

rule "\"${own}s\", \"${own%?}\", \"${own^}\", \"${other} \""
check "the rule names labels that are nearly these" vfioctl reload
refused_for "$own" as alice
refused_for $other with_other

rule "\"$own\", \"$other\""
check "the rule names both" vfioctl reload
granted "a program with the one" as alice
granted "a program with the other" with_other

stop_vfiod
finish
