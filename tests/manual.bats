#!/usr/bin/env bats
# The manual says everything that the commands know, and the examples in it are understood.

load lib/common

setup() {
	need mandoc
	cd "$ROOT"
	pages=(man/*.[1-8] "$BUILD"/man/*.[1-8])
}

# page FILE: as text, one blank between words, so that a line break hides nothing.
page() {
	mandoc -T ascii "$1" | col -b | tr -s ' \n' '  '
}

# A page of this name, from here or from the build.
find_page() {
	local file
	for file in man/$1 "$BUILD/man/$1"; do
		[ ! -e "$file" ] || { echo "$file"; return; }
	done
	return 1
}

# lacks PAGE: prints the words from stdin that the page does not have.
lacks() {
	local text word
	text=" $(page "$(find_page "$1")" | tr -c 'A-Za-z0-9._-' ' ') "
	while read -r word; do
		[[ $text == *[[:space:]]"$word"[.,]*([.])[[:space:]]* || $text == *" $word "* ||
			$text == *" $word. "* ]] || echo "$1 lacks $word"
	done
}

none() {
	local left
	left=$(cat)
	[ -z "$left" ] || { echo "$left"; return 1; }
}

@test "every page is correct mdoc" {
	for file in "${pages[@]}"; do
		[ -e "$file" ] || continue
		mandoc -T lint -W warning "$file"
		# Whether other pages are there is up to where this runs.
		mandoc -T lint "$file" | grep -v 'referenced manual not found\|outdated mandoc.db' | none
	done
}

@test "every command has a page with every option" {
	for command in "$BUILD"/ct*; do
		[ -x "$command" ] || continue
		name=${command##*/}
		find_page "$name.8"
		"$command" --list-options | cut -f 1 | lacks "$name.8"
		"$command" --list-options | cut -f 2 | grep . | lacks "$name.8"
	done >"$BATS_TEST_TMPDIR/lacks"
	grep lacks "$BATS_TEST_TMPDIR/lacks" | none
}

@test "every field is in ct-fields(7)" {
	for command in ctlist ctcount ctwatch; do
		"$command" --list-fields | cut -d ' ' -f 1 | lacks ct-fields.7
	done | none
}

@test "every value that has a name is in ct-fields(7)" {
	for command in ctlist ctwatch; do
		"$command" --list-words | awk -F '\t' '$2 ~ /^(status|flags|nat|state|reason|changed|.*\.flags.*)$/ { print $1 }' |
			lacks ct-fields.7
	done | none
}

@test "every word of the filter is in ct-filter(7)" {
	ctlist --list-fields | awk '$2 != "short" { print $1 }' >"$BATS_TEST_TMPDIR/fields"
	ctlist --list-words | awk -F '\t' '$2 == "" { print $1 }' | grep -vxFf "$BATS_TEST_TMPDIR/fields" >"$BATS_TEST_TMPDIR/words"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/words")" -gt 50 ]
	lacks ct-filter.7 <"$BATS_TEST_TMPDIR/words" | none
	printf '%s\n' snat.addr nat.port nonsense | lacks ct-filter.7 | grep -q 'lacks nonsense'
}

# The words in capitals of the sections about states.
states_of() {
	awk '/^\.S[sh]/ { on = /[Ss]tates/ } on && /^\.Ic/' "$(find_page "$1")" | grep -oE '[A-Z][A-Z0-9_]+' | sort -u
}

@test "every state that the pages name is accepted" {
	for name in ct-filter.7 ct-fields.7; do
		[ "$(states_of "$name" | wc -l)" -gt 15 ]
		for state in $(states_of "$name"); do
			ctlist --explain-filter state "$state" >/dev/null
		done
	done
}

@test "the schemas are in ct-json(5)" {
	for file in schema/*.json; do
		basename "$file"
	done | lacks ct-json.5 | none
}

# What stands before a pipe or a redirection, asked how it is understood.
understood() {
	local line=$1
	line=${line%% | *}
	line=${line%% && *}
	line=${line%% >/*}
	line=${line%% >> *}
	case $line in
	ctlist\ *|ctcount\ *|ctlist|ctcount|ctwatch|ctwatch\ *) ;;
	*) return 0 ;;
	esac
	(cd "$BATS_TEST_TMPDIR" && eval "$line --explain-filter" >/dev/null)
}

@test "the examples are understood" {
	sed -n 's/^\.Dl //p' "${pages[@]}" | grep '^ct[a-z]* ' | sed 's/\\(dq/"/g; s/\\-/-/g; s/\\&//g' >"$BATS_TEST_TMPDIR/examples"
	sed -n '/^What used to be typed/,/^\.Ed/s/^        //p' man/ctscope.7 | sed 's/   *(.*//; s/   */\n/g' >>"$BATS_TEST_TMPDIR/examples"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/examples")" -gt 30 ]
	while IFS= read -r line; do
		understood "$line" || { echo "not understood: $line"; return 1; }
	done <"$BATS_TEST_TMPDIR/examples"
}

@test "the synopsis of ct-filter(7) is understood" {
	sed -n '/^\.Sh SYNOPSIS/,/^\.Ed/p' man/ct-filter.7 | grep '^ctlist' | while IFS= read -r line; do
		understood "$line" || { echo "not understood: $line"; exit 1; }
	done
}

@test "the counters in the sample of README.md are explained as ctstats does it" {
	need jq
	local name meaning said=0

	jq -c -n '{kernel: "6.18.1", counters: {drop: {total: 1}, insert_failed: {total: 1}, invalid: {total: 1}}}' >"$BATS_TEST_TMPDIR/saved"
	ctstats -r "$BATS_TEST_TMPDIR/saved" >"$BATS_TEST_TMPDIR/screen"
	grep -o 'COUNTER .*' README.md | grep -q 'ON THIS KERNEL (6.18)'
	while IFS=$'\t' read -r name meaning; do
		echo "$name: $meaning"
		grep -qE "^$name +1 +-  $(sed 's/[()]/\\&/g' <<<"$meaning")\$" "$BATS_TEST_TMPDIR/screen"
		said=$((said + 1))
	done < <(sed -nE '/^    COUNTER/,/^    \.\.\./s/^    ([a-z_]+) +[0-9]+ +[0-9.]+  (.*)/\1\t\2/p' README.md)
	[ "$said" -ge 3 ]
}
