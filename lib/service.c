/* Asks the system for the names of ports and remembers the answers. */
#include "service.h"

#include "memory.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { PORTS = 32768 };		/* above: net.ipv4.ip_local_port_range */

static const struct {
	uint8_t protonum;
	const char *name;
} protos[] = {
	{ IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" }, { IPPROTO_SCTP, "sctp" }, { IPPROTO_DCCP, "dccp" },
};

enum { PROTOS = sizeof(protos) / sizeof(*protos) };

/* By port, once one of the protocol was asked for. NULL: not asked yet; "": no name. */
struct services {
	char **names[PROTOS];
};

struct services *services_new(void)
{
	struct services *services = calloc(1, sizeof(*services));

	if (!services)
		memory_exhausted();
	return services;
}

void services_free(struct services *services)
{
	for (unsigned i = 0; services && i < PROTOS; i++) {
		for (unsigned port = 0; services->names[i] && port < PORTS; port++)
			free(services->names[i][port]);
		free(services->names[i]);
	}
	free(services);
}

static char *ask(uint16_t port, const char *proto)
{
	struct servent *entry = getservbyport(htons(port), proto);
	char *name = strdup(entry ? entry->s_name : "");

	if (!name)
		memory_exhausted();
	return name;
}

const char *service_name(struct services *services, uint8_t protonum, uint16_t port)
{
	for (unsigned i = 0; i < PROTOS && port && port < PORTS; i++) {
		char **name;

		if (protos[i].protonum != protonum)
			continue;
		if (!services->names[i])
			services->names[i] = must(calloc(PORTS, sizeof(*name)));
		name = &services->names[i][port];
		if (!*name)
			*name = ask(port, protos[i].name);
		return **name ? *name : NULL;
	}
	return NULL;
}
