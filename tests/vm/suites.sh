# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Sourced by kernel and headers.

# suites_of SERIES: where Debian has that series, seen from a machine that runs $VERSION_CODENAME.
suites_of() {
	local VERSION_CODENAME=
	# shellcheck disable=SC1091  # belongs to the machine
	. /etc/os-release
	case $1-$VERSION_CODENAME in
	6.1-*) echo bookworm,bookworm-security ;;
	6.12-bookworm) echo bookworm-backports ;;
	6.12-*) echo trixie,trixie-security ;;
	*) usage >&2; exit 2 ;;
	esac
}
