#compdef @COMMANDS@
# Completion for zsh. It asks the command itself: options, fields and filter words are not repeated here.

# Comma separated lists, with + or - in front where the option knows them.
_ctscope_words() {
	compset -P '*,' || compset -P '[+-]'
	_describe -t words word "$1"
}

_ctscope_fields() {
	local -a rows row
	local line
	for line in ${(f)"$($_ctscope_command --list-fields 2>/dev/null)"}; do
		row=(${=line})	# name, kind, help
		rows+=("$row[1]:$row[3,-1]")
	done
	_ctscope_words rows
}

_ctscope_values() {
	local -a rows
	case $1 in
	(FIELD|FIELDS|SORT) _ctscope_fields ;;
	(FILE) _files ;;
	(NETNS)
		rows=(/run/netns/*(N:t))
		_ctscope_words rows
		;;
	(*,*)
		rows=(${(s:,:)1})
		_ctscope_words rows
		;;
	esac
}

# After the name of a field the names of its values, else every word.
_ctscope_filter() {
	local -a row all values
	local line previous=$words[CURRENT-1]
	for line in ${(f)"$($_ctscope_command --list-words 2>/dev/null)"}; do
		row=("${(@s:	:)line}")
		if [[ -z $row[2] ]]; then
			all+=("$row[1]:$row[3]")
		elif [[ $row[2] == $previous ]]; then
			values+=("$row[1]:$row[3]")
		fi
	done
	if (( $#values )); then
		_ctscope_words values
	else
		_ctscope_words all
	fi
}

_ctscope() {
	local _ctscope_command=$words[1] line help
	local -a specs row
	for line in ${(f)"$($words[1] --list-options 2>/dev/null)"}; do
		row=("${(@s:	:)line}")
		help=${${row[5]//\[/(}//\]/)}
		help=${help//:/\\:}
		case $row[3] in
		('') specs+=("$row[1][$help]") ;;
		('['*) specs+=("$row[1]=-[$help]::$row[3]: _ctscope_values $row[4]") ;;
		(*) specs+=("$row[1]=[$help]:$row[3]: _ctscope_values $row[4]") ;;
		esac
		[[ -n $row[2] && -z $row[3] ]] && specs+=("$row[2][$help]")
		[[ -n $row[2] && -n $row[3] ]] && specs+=("$row[2]+[$help]:$row[3]: _ctscope_values $row[4]")
	done
	_arguments -s : $specs '*::filter:_ctscope_filter'
}

_ctscope "$@"
