/* Names of ports from /etc/services, looked up once each. */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdint.h>

struct services;

struct services *services_new(void);	/* memory_exhausted() ends it when memory is out */
void services_free(struct services *services);

/* NULL where there is none. Ports that systems give out by themselves have no name here. */
const char *service_name(struct services *services, uint8_t protonum, uint16_t port);

#endif
