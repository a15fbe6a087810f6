#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# vfioctl config show on every recording of tests/dumps: where the user sees something else than the hardware has is
# recorded, too (NAME.diff). PCICFG_RECORD=1 writes those anew, for a person to read through "git diff".
set -eu
dumps=${PCICFG_DUMPS:-tests/dumps}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0 shown=0

show() { "$VFIOCTL" config show --from-file "$@" >"$dir/out" 2>"$dir/err"; }

fail() {
	echo "FAIL: $*"
	failed=1
}

for dump in "$dumps"/*.txt; do
	name=${dump##*/}
	expected=${dump%.txt}.diff
	if ! show "$dump" --diff; then
		grep -q 'is a bridge' "$dir/err" || fail "$name: $(cat "$dir/err")"
		continue
	fi
	[ -z "${PCICFG_RECORD:-}" ] || cp "$dir/out" "$expected"
	cmp "$expected" "$dir/out" || fail "$name: the user sees something else than before"
	show "$dump" && grep -q '^000  Header' "$dir/out" || fail "$name cannot be shown"
	show "$dump" --json && grep -q '"capabilities"' "$dir/out" || fail "$name cannot be shown as JSON"
	# what it prints as bytes it can read
	show "$dump" --raw && cp "$dir/out" "$dir/raw" && show "$dir/raw" --raw && cmp "$dir/raw" "$dir/out" ||
		fail "$name: --raw is no recording"
	show "$dump" --user || fail "$name: --user"
	shown=$((shown + 1))
done
echo "figure: $shown recordings shown, each with what its user sees of it"
[ "$shown" -ge 15 ] || fail "only $shown recordings could be shown"

# each condition in a colour of its own, and the legend says which
show "$dumps/hand-cxl.txt" --color always
for look in '32mpassed' '33mvirtual' '1mfixed' '2mhidden' '2mhidden [0-9a-f]*' '33mvirtual [0-9a-f]*'; do
	grep -q "$(printf '\033')\\[$look" "$dir/out" || fail "nothing looks like $look"
done
if show "$dumps/absent.txt"; then fail "a file that is not there is shown"; fi
echo nonsense >"$dir/nonsense"
if show "$dir/nonsense"; then fail "nonsense is shown"; fi
grep -q 'lspci -xxxx' "$dir/err" || fail "nobody says how to record a config space"

# refuses WORDS FILE: FILE is refused in one line that has WORDS
refuses() {
	if show "$2"; then fail "$2 is shown"; fi
	[ "$(wc -l <"$dir/err")" = 1 ] && grep -q "$1" "$dir/err" || fail "no '$1' in: $(cat "$dir/err")"
}
sed 5d "$dumps/hand-nvme.txt" >"$dir/gap"
refuses 'a line that is damaged, missing' "$dir/gap"
sed 's/^10: ../10: zz/' "$dumps/hand-nvme.txt" >"$dir/digit"
refuses 'a line that is damaged, missing' "$dir/digit"
head -n 3 "$dumps/hand-nvme.txt" >"$dir/short"
refuses 'less than the 64 bytes' "$dir/short"
head -c 256 /dev/zero | tr '\0' '\377' >"$dir/ones"
refuses 'did not answer' "$dir/ones"
refuses 'Is a directory' "$dir"
head -n 5 "$dumps/hand-nvme.txt" >"$dir/header"
show "$dir/header" && grep -q 'header alone' "$dir/err" || fail "nobody says that the capabilities are missing"
if grep -q '^040' "$dir/out"; then fail "a capability that was not recorded is shown"; fi
if "$VFIOCTL" config show 2>/dev/null; then fail "nothing is shown"; fi
if "$VFIOCTL" config change 00:00.0 2>/dev/null; then fail "there is no config change"; fi
exit $failed
