/* SPDX-License-Identifier: GPL-2.0 */
/* Which errnos are which outcomes. */
#ifndef TCPCONNTOP_OUTCOME_H
#define TCPCONNTOP_OUTCOME_H

#include "event.h"

/* These numbers hold on every architecture with the generic errno table, x86-64 and arm64 among them. */
enum {
	EACCES = 13, ENONET = 64, EPROTO = 71, ENOPROTOOPT = 92, EOPNOTSUPP = 95, EADDRNOTAVAIL = 99,
	ENETUNREACH = 101, ETIMEDOUT = 110, ECONNREFUSED = 111, EHOSTDOWN = 112, EHOSTUNREACH = 113,
};

static __always_inline u8 outcome_of_error(u16 error)
{
	switch (error) {
	case ECONNREFUSED:
		return OUTCOME_REFUSED;
	case ETIMEDOUT:
		return OUTCOME_TIMEOUT;
	/* The errnos of ICMP errors (icmp_err_convert, icmpv6_err_convert). */
	case EHOSTUNREACH: case ENETUNREACH: case EHOSTDOWN: case ENONET:
	case ENOPROTOOPT: case EOPNOTSUPP: case EPROTO: case EACCES:
		return OUTCOME_UNREACHABLE;
	default:
		return OUTCOME_ERROR;
	}
}

#endif
