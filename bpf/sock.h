/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Read struct sock and the structs it points to: addresses, and the reason of a failed connect.
 *
 * No kernel header is used. The needed offsets come from the running kernel's BTF, as the macros SK_*, INET_*,
 * SOCKET_* and NET_* (tcpconntop/kernel/session.py), as FROM_BTF(offset). Those of IPv6 and of network namespaces
 * are 0 on a kernel without them.
 */
#ifndef TCPCONNTOP_SOCK_H
#define TCPCONNTOP_SOCK_H

#include "event.h"

#define IPPROTO_TCP 6
#define AF_INET 2
#define AF_INET6 10
#define SS_UNCONNECTED 1
#define SOCKADDR_IN_BYTES 8   /* family, port, address */
#define SOCKADDR_IN6_BYTES 24 /* family, port, flow, address */

enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_SYN_RECV = 3 };

/* These numbers hold on every architecture with the generic errno table, x86-64 and arm64 among them. */
enum {
	EACCES = 13, ENONET = 64, EPROTO = 71, ENOPROTOOPT = 92, EOPNOTSUPP = 95, EADDRNOTAVAIL = 99,
	ENETUNREACH = 101, ETIMEDOUT = 110, ECONNREFUSED = 111, EHOSTDOWN = 112, EHOSTUNREACH = 113,
};

/*
 * A number that the compiler cannot see through: it becomes an instruction `register = number` of its own, in which
 * another number can be written later (tcpconntop/kernel/image.py). The verifier knows the number, and leaves out
 * the branches that it rules out. __COUNTER__ keeps the compiler from sharing an instruction between two numbers that
 * happen to be the same here.
 */
#define FROM_BTF(number) ({ \
	u64 known_later_; \
	asm("%0 = %1" : "=r"(known_later_) : "i"(number), "i"(__COUNTER__)); \
	known_later_; \
})

#define READ(type, base, offset) ({ \
	type value_ = 0; \
	bpf_probe_read_kernel(&value_, sizeof(value_), (void *)(base) + (offset)); \
	value_; \
})

/* True for ::ffff:a.b.c.d: an AF_INET6 socket that connects over IPv4. */
static __always_inline bool is_v4_mapped(const union address *address)
{
	const u32 *words = (const u32 *)address->v6;

	return words[0] == 0 && words[1] == 0 && words[2] == bpf_htonl(0xffff);
}

static __always_inline void set_destination_v6(const void *address, struct event *attempt)
{
	bpf_probe_read_kernel(&attempt->daddr, sizeof(attempt->daddr), address);
	attempt->family = 6;
	if (is_v4_mapped(&attempt->daddr)) {
		u32 v4 = ((u32 *)attempt->daddr.v6)[3];

		__builtin_memset(&attempt->daddr, 0, sizeof(attempt->daddr));
		attempt->daddr.v4 = v4;
		attempt->family = 4;
	}
}

static __always_inline void read_destination(const void *sk, struct event *attempt)
{
	attempt->dport = bpf_ntohs(READ(u16, sk, SK_DPORT));
	if (SK_V6_DADDR && READ(u16, sk, SK_FAMILY) == AF_INET6) {
		set_destination_v6(sk + SK_V6_DADDR, attempt);
		return;
	}
	attempt->family = 4;
	attempt->daddr.v4 = READ(u32, sk, SK_DADDR);
}

/* The destination from the struct sockaddr that was passed to connect(); fields that it lacks stay 0. */
static __always_inline void read_sockaddr(const void *address, int length, struct event *attempt)
{
	u16 family = READ(u16, address, 0);

	attempt->family = 4;
	if (family == AF_INET && length >= SOCKADDR_IN_BYTES)
		attempt->daddr.v4 = READ(u32, address, 4);
	else if (family == AF_INET6 && length >= SOCKADDR_IN6_BYTES)
		set_destination_v6(address + 8, attempt);
	else
		return;
	attempt->dport = bpf_ntohs(READ(u16, address, 2));
}

/* Valid once the kernel has chosen a route and a port. Both stay in the socket after the end of the attempt. */
static __always_inline void read_source(const void *sk, struct event *attempt)
{
	attempt->lport = bpf_ntohs(READ(u16, sk, INET_SPORT));
	if (SK_V6_RCV_SADDR && attempt->family == 6) {
		bpf_probe_read_kernel(&attempt->saddr, sizeof(attempt->saddr), sk + SK_V6_RCV_SADDR);
		return;
	}
	attempt->saddr.v4 = READ(u32, sk, SK_RCV_SADDR);
}

/* How an attempt ended. */
struct ending {
	u8 outcome;
	u16 error;
	bool unsent; /* no SYN was sent: connect() itself failed, or TCP Fast Open waited for data */
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

/*
 * Return how a failed attempt ended, from its socket. The kernel sets sk_err before it changes the state.
 *
 * Without sk_err the application cancelled the attempt, or connect() failed inside the call; in the latter case the
 * state of struct socket is SS_UNCONNECTED, and the errno is known only if no local port was found.
 */
static __always_inline struct ending classify_failure(const void *sk)
{
	struct ending ending = { .outcome = OUTCOME_CANCELLED, .error = READ(u32, sk, SK_ERR) };

	if (ending.error) {
		ending.outcome = outcome_of_error(ending.error);
	} else if (READ(u32, READ(void *, sk, SK_SOCKET), SOCKET_STATE) == SS_UNCONNECTED) {
		ending.outcome = OUTCOME_ERROR;
		ending.error = READ(u16, sk, INET_SPORT) ? 0 : EADDRNOTAVAIL;
		ending.unsent = true;
	}
	/* TCP_FASTOPEN_CONNECT: the SYN waits for the first data, and none came. */
	if (READ(u8, sk, DEFER_CONNECT_BYTE) & DEFER_CONNECT_MASK)
		ending.unsent = true;
	return ending;
}

/* TCP_REPAIR: a connection that existed before (CRIU) is put into this socket, and no SYN is sent. */
static __always_inline bool is_repaired(const void *sk)
{
	return READ(u8, sk, REPAIR_BYTE) & REPAIR_MASK;
}

#endif
