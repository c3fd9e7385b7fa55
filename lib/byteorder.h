/* Netlink messages that were captured on a machine of the other byte order. */
#ifndef BYTEORDER_H
#define BYTEORDER_H

#include <stddef.h>
#include <stdint.h>

/*
 * Turns the headers of the messages and of their attributes, in place. The payload of ctnetlink and of
 * NFLOG is in network order and stays; the labels, an array of longs of the sender, are turned as 64-bit words.
 * What breaks its framing is left from there on.
 */
void messages_swap(uint8_t *data, size_t length);

#endif
