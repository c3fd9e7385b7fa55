# The mirror of Debian that apt here is configured for: no other is ever asked.

# Prints the address of Debian's archive or, with the ending -security, of its security archive.
mirror() {
	local VERSION_CODENAME=''

	# shellcheck disable=SC1091 # the machine's own file
	. /etc/os-release
	# shellcheck disable=SC2016 # apt expands
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v ending="${1-}" -v name="$VERSION_CODENAME" '
			BEGIN { count = split(name " stable testing unstable sid", names, " ") }
			$3 == "main" {
				for (i = 1; i <= count; i++)
					if ($2 == names[i] ending && !found++)
						print $1
			}'
}
