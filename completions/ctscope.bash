# Completion for bash. It asks the command itself: options, fields and filter words are not repeated here.
# shellcheck shell=bash

# A tab between fields, an empty one among them, survives `read` only if it is no blank.
_ctscope_ask() {
	"$1" "$2" </dev/null 2>/dev/null | tr '\t' '\037'
}

# _ctscope_offer WORDS: with cur=a,b only b is looked at, and a is kept.
_ctscope_offer() {
	local start=
	[[ $cur == *,* ]] && start=${cur%,*},
	[[ -z $start && $cur == [+-]* ]] && start=${cur:0:1}
	mapfile -t COMPREPLY < <(compgen -P "$start" -W "$1" -- "${cur#"$start"}")
}

_ctscope_fields() {
	_ctscope_offer "$("$1" --list-fields 2>/dev/null | while read -r name _; do echo "$name"; done)"
}

# What an argument may be, as the command says in the fourth column of --list-options.
_ctscope_values() {
	case $2 in
	FIELD|FIELDS|SORT) _ctscope_fields "$1" ;;
	NETNS) _ctscope_offer "$(shopt -s nullglob; cd /run/netns 2>/dev/null && echo *)" ;;
	FILE)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	*,*) _ctscope_offer "${2//,/ }" ;;
	esac
}

# After the name of a field the names of its values, else every word.
_ctscope_filter() {
	local word field all='' values=''
	while IFS=$'\037' read -r word field _; do
		[[ $field == "$prev" ]] && values+=" $word"
		[[ -z $field ]] && all+=" $word"
	done < <(_ctscope_ask "$1" --list-words)
	_ctscope_offer "${values:-$all}"
}

_ctscope() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} equals=
	local name letter argument values names=''

	COMPREPLY=()
	# --color=al comes as three words.
	if [[ $cur == = && $prev == --* ]]; then
		cur='' equals=1
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]} equals=1
	fi
	while IFS=$'\037' read -r name letter argument values _; do
		names+=" $name"
		[[ $argument && ($prev == "$name" || $prev == "$letter") ]] || continue
		[[ $argument == '['* && ! $equals ]] && continue
		_ctscope_values "$1" "$values"
		return
	done < <(_ctscope_ask "$1" --list-options)
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$names" -- "$cur")
	else
		_ctscope_filter "$1"
	fi
}

complete -F _ctscope @COMMANDS@
