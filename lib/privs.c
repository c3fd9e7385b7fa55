/* Drops capabilities through libcap-ng, and the user. */
#include "privs.h"

#include <cap-ng.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

bool privs_drop(bool keep_net_admin)
{
	bool had = privs_admin();

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return false;
	/* The bounding set can only be lowered with CAP_SETPCAP, so it goes with what we hold. */
	capng_clear(CAPNG_SELECT_BOTH);
	if (keep_net_admin && had)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
	return capng_apply(CAPNG_SELECT_CAPS) == 0;
}

bool privs_admin(void)
{
	capng_get_caps_process();
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN);
}

bool privs_nobody(void)
{
	const unsigned nobody = 65534;	/* the kernel's own, overflowuid */

	if (geteuid() != 0)
		return true;
	return setgroups(0, NULL) == 0 && setresgid(nobody, nobody, nobody) == 0 &&
	       setresuid(nobody, nobody, nobody) == 0;
}
