# What the files of kernel tests share.

# A row of the table that run prints: NAME VALUE.
fact() {
	echo "# fact $1 = $2" >&3
}

# True if this kernel is MAJOR.MINOR or later.
since() {
	local major minor rest

	IFS=.- read -r major minor rest < <(uname -r)
	[ $((major * 1000 + minor)) -ge $((${1%.*} * 1000 + ${1#*.})) ]
}
