# Completion for fish. It asks the command itself: options, fields and filter words are not repeated here.

# Words from stdin, name and help separated by a tab; what stands before the last comma is kept.
function __ctscope_offer
    set -l current (commandline -ct | string replace -r '^--[^=]*=' '')
    set -l option (commandline -ct | string match -r '^--[^=]*=')
    set -l start (string match -r '^(?:.*,|[+-](?!-))' -- $current)
    while read -l line
        printf '%s\n' "$option$start$line"
    end
end

function __ctscope_values -a command kind
    switch $kind
        case FIELD FIELDS SORT
            $command --list-fields 2>/dev/null | string replace -r '^(\S+)\s+\S+\s+(.*)' '$1\t$2' | __ctscope_offer
        case FILE
            __fish_complete_path (commandline -ct)
        case NETNS
            path basename /run/netns/* | __ctscope_offer
        case '*,*'
            string split , -- $kind | __ctscope_offer
    end
end

# After the name of a field the names of its values, else every word.
function __ctscope_filter -a command previous
    set -l values
    set -l all
    $command --list-words 2>/dev/null | while read -l line
        set -l row (string split \t -- $line)
        if test -z "$row[2]"
            set -a all "$row[1]"\t"$row[3]"
        else if test "$row[2]" = "$previous"
            set -a values "$row[1]"\t"$row[3]"
        end
    end
    set -q values[1]; or set values $all
    string join \n -- $values | __ctscope_offer
end

function __ctscope
    set -l words (commandline -opc)
    set -l command $words[1]
    set -l current (commandline -ct)
    set -l previous $words[-1]
    set -l equals (string match -r '^(--[^=]*)=' -- $current)
    set -q equals[2]; and set previous $equals[2]
    set -l options
    $command --list-options 2>/dev/null | while read -l line
        set -l row (string split \t -- $line)
        set -a options "$row[1]"\t"$row[5]"
        test -n "$row[3]"; or continue
        contains -- $previous $row[1] $row[2]; or continue
        string match -q '[*' -- $row[3]; and not set -q equals[2]; and continue
        __ctscope_values $command "$row[4]"
        return
    end
    if string match -q -- '-*' $current
        string join \n -- $options
    else
        __ctscope_filter $command $previous
    end
end

for command in @COMMANDS@
    complete -c $command -f -a '(__ctscope)'
end
