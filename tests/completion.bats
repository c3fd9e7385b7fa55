#!/usr/bin/env bats
# The completions of three shells, each asked for what the commands know.

load lib/common

# The same questions for every shell: what is typed, what must come, what must not.
questions='ctlist --so|--sort|--count
ctlist -t ex|expect|dying
ctlist -o proto,timeo|proto,timeout|idle
ctlist -s -reply.pack|-reply.packets|bytes
ctlist --color=al|always|never
ctlist -f cs|csv|table
ctlist tcp state ESTA|ESTABLISHED|SYN_SENT
ctlist tcp and hw-|hw-offload|nat
ctlist udp status SRC_NAT_|SRC_NAT_DONE|ASSURED
ctwatch -e new,des|new,destroy|update'

setup() {
	cd "$BUILD"
}

# ask FUNCTION: calls it with each line typed; it prints what the shell offers.
ask() {
	local typed wanted unwanted answer
	while IFS='|' read -r typed wanted unwanted; do
		answer=$("$1" "$typed" "$wanted") || { echo "$typed: no answer"; return 1; }
		grep -qF -- "$wanted" <<<"$answer" || { echo "$typed: no $wanted in: $answer"; return 1; }
		! grep -qwF -- "$unwanted" <<<"$answer" || { echo "$typed: $unwanted in: $answer"; return 1; }
	done <<<"$questions"
}

in_bash() {
	bash -c '. completions/ctscope.bash
		line=${1//=/ = }
		[[ $line == *" " ]] && line+=" "
		read -ra COMP_WORDS <<<"$line"
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_ctscope "${COMP_WORDS[0]}"
		printf "%s\n" "${COMPREPLY[@]}"' bash "$1"
}

in_fish() {
	fish --no-config -c "source completions/ctscope.fish; complete -C '$1'" | cut -f 1
}

in_zsh() {
	mkdir -p "$BATS_TEST_TMPDIR/functions"
	cp completions/ctscope.zsh "$BATS_TEST_TMPDIR/functions/_ctscope"
	timeout 20 zsh -f "$ROOT/tests/lib/complete.zsh" "$BATS_TEST_TMPDIR/functions" "$1" "$2"
}

@test "completion in bash" {
	ask in_bash
}

@test "completion in fish" {
	need fish
	ask in_fish
}

@test "completion in zsh" {
	need zsh
	ask in_zsh
}

@test "bash offers files, and words at the start of a filter" {
	touch "$BATS_TEST_TMPDIR/saved-1"
	[ "$(in_bash "ctlist -r $BATS_TEST_TMPDIR/sav")" = "$BATS_TEST_TMPDIR/saved-1" ]
	[ "$(in_bash "ctlist unrep")" = unreplied ]
	[ "$(in_bash "ctlist snat.p")" = snat.port ]
}

@test "every option and every field is offered" {
	for command in "$BUILD"/ct*; do
		[ -x "$command" ] || continue
		command=${command##*/}
		diff <("$command" --list-options | cut -f 1 | sort) <(in_bash "$command --" | sort)
	done
	in_bash "ctlist -o " >"$BATS_TEST_TMPDIR/none" || true
	diff <(ctlist -F | cut -d ' ' -f 1 | grep '^[o]' | sort) <(in_bash "ctlist -o o" | sort)
}

@test "a word that is offered is understood" {
	ctlist --list-words | tr '\t' '\037' >"$BATS_TEST_TMPDIR/words"
	while IFS=$'\037' read -r word field _; do
		case $word in
		and|or|not) continue ;;
		esac
		if [ "$field" ]; then
			ctlist --explain-filter "$field $word" >/dev/null
		elif ctlist -F | grep -q "^$word "; then
			:
		elif [[ $word == host || $word == net || $word == port ]]; then
			:
		else
			ctlist --explain-filter "$word" >/dev/null
		fi || { echo "not understood: $field $word"; return 1; }
	done <"$BATS_TEST_TMPDIR/words"
}

@test "the fourth column of --list-options is something completion knows" {
	for command in "$BUILD"/ct*; do
		[ -x "$command" ] || continue
		"$command" --list-options | cut -f 4 | grep -vE '^$|^(FIELD|FIELDS|FILE|NETNS|SORT)$|,' && exit 1
	done
	true
}
