/* Receives what the kernel logs through NFLOG. */
#ifndef NFLOG_H
#define NFLOG_H

#include "packet.h"

struct capture;
struct complaint;
struct nflog;

/*
 * Binds a group; closing gives it back. `buffer` as for source_events(). NULL with errno; EPERM:
 * without CAP_NET_ADMIN, or another process has the group (nflog_owner()).
 */
struct nflog *nflog_open(uint16_t group, size_t buffer);

/* The netlink port, often the PID, of the process that has the group in this namespace; 0: none. */
uint32_t nflog_owner(uint16_t group);

/* Packets of captures that nflog_tee() wrote; opened and complained of as by source_files(). */
struct nflog *nflog_files(const char *const *files, unsigned count, const struct complaint *complaint);
void nflog_close(struct nflog *nflog);

/* For poll(). */
int nflog_fd(const struct nflog *nflog);
size_t nflog_buffer(const struct nflog *nflog);

/* Everything that is received is also written there. */
void nflog_tee(struct nflog *nflog, struct capture *capture);
/* Whether it was the writing that made nflog_receive() fail. */
bool nflog_tee_failed(const struct nflog *nflog);

/* 1 something came, 0 the end of the file, -1 errno: EAGAIN, ENOBUFS (something was lost). */
int nflog_receive(struct nflog *nflog);

/* The next packet of what was received; false when there is no more. */
bool nflog_packet(struct nflog *nflog, struct packet *packet);

/* How many records were lost before the last packet: the kernel numbers them. Counts once. */
uint32_t nflog_lost(struct nflog *nflog);

/* How many messages or lines of files are no packets, and how many files could not be opened or read. */
unsigned long long nflog_bad(const struct nflog *nflog);
unsigned nflog_files_lost(const struct nflog *nflog);

#endif
