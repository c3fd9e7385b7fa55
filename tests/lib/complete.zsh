# Types a line and a tab into an interactive zsh, and waits until the screen shows what is expected.
# Usage: zsh -f complete.zsh FOLDER-OF-_ctscope LINE EXPECTED     (under timeout: it waits for ever)
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= fpath=($1 \$fpath); autoload -U compinit; compinit -u -D; bindkey '^I' complete-word; print -n rea; print dy"
zpty -r -m shell screen '*ready*'
zpty -n -w shell "$2"$'\t'
zpty -r -m shell screen "*$3*"
print -r -- "$screen"
zpty -d shell
