/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Read struct sock and the structs it points to: addresses, and the reason of a failed connect.
 *
 * No kernel header is used. The needed offsets come from the running kernel's BTF, as the macros SK_*, INET_*, TCP_*,
 * SOCKET_*, NET_* and TASK_* (tcpconntop/kernel/program_numbers.py), as FROM_BTF(offset). Those of IPv6 and of network
 * namespaces are 0 on a kernel without them.
 */
#ifndef TCPCONNTOP_SOCK_H
#define TCPCONNTOP_SOCK_H

#include "event.h"
#include "outcome.h"

#define IPPROTO_TCP 6
#define AF_INET 2
#define AF_INET6 10
#define SS_UNCONNECTED 1
#define SOCKADDR_IN_BYTES 8   /* family, port, address */
#define SOCKADDR_IN6_BYTES 24 /* family, port, flow, address */
#define SOCKADDR_IN6_SCOPE_BYTES 28 /* the same with the scope */

enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_SYN_RECV = 3 };

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

/*
 * Each read costs the same, whether of 4 or of 400 bytes: so neighbouring members are read at once, into memory that
 * belongs to one program on one CPU (a program never interrupts itself). The numbers *_FIRST and *_BYTES say what is
 * read. FIELD() is one member; the verifier knows the numbers, and leaves out the read of a member that is elsewhere.
 */
#define SOCK_BYTES_MAX 1024
#define TCP_BYTES_MAX 512
#define TASK_BYTES_MAX 512

struct scratch {
	u8 sock[SOCK_BYTES_MAX];
	u8 tcp[TCP_BYTES_MAX];
	u8 task[TASK_BYTES_MAX];
};

#define FIELD(type, bytes, first, count, base, offset) ({ \
	u64 offset_ = (offset), at_ = offset_ - (first); \
	type field_; \
	if (at_ <= (count) - sizeof(type)) \
		field_ = *(const type *)((bytes) + at_); \
	else \
		field_ = READ(type, base, offset_); \
	field_; \
})
#define SOCK_FIELD(type, scratch, sk, offset) FIELD(type, (scratch)->sock, 0, SOCK_BYTES, sk, offset)
#define TCP_FIELD(type, scratch, sk, offset) FIELD(type, (scratch)->tcp, TCP_FIRST, TCP_BYTES, sk, offset)
#define TASK_FIELD(type, scratch, process, offset) \
	FIELD(type, (scratch)->task, TASK_FIRST, TASK_BYTES, process, offset)

static __always_inline void read_sock(const void *sk, struct scratch *scratch)
{
	bpf_probe_read_kernel(scratch->sock, SOCK_BYTES, sk);
	bpf_probe_read_kernel(scratch->tcp, TCP_BYTES, sk + TCP_FIRST);
}

/* True for ::ffff:a.b.c.d: an AF_INET6 socket that connects over IPv4. */
static __always_inline bool is_v4_mapped(const union address *address)
{
	const u32 *words = (const u32 *)address->v6;

	return words[0] == 0 && words[1] == 0 && words[2] == bpf_htonl(0xffff);
}

/* fe80::/10, and ff02::/16 with any flags. */
static __always_inline bool is_link_local(const struct event *attempt)
{
	const u8 *v6 = attempt->daddr.v6;

	return attempt->family == 6 &&
	       ((v6[0] == 0xfe && (v6[1] & 0xc0) == 0x80) || (v6[0] == 0xff && (v6[1] & 0x0f) == 2));
}

/* The IPv6 address of the destination is in the record: finish it. */
static __always_inline void set_destination_v6(struct event *attempt)
{
	attempt->family = 6;
	if (is_v4_mapped(&attempt->daddr)) {
		u32 v4 = ((u32 *)attempt->daddr.v6)[3];

		__builtin_memset(&attempt->daddr, 0, sizeof(attempt->daddr));
		attempt->daddr.v4 = v4;
		attempt->family = 4;
	}
}

static __always_inline void read_destination(const void *sk, const struct scratch *scratch, struct event *attempt)
{
	u64 v6 = SK_V6_DADDR;

	attempt->dport = bpf_ntohs(SOCK_FIELD(u16, scratch, sk, SK_DPORT));
	if (v6 && SOCK_FIELD(u16, scratch, sk, SK_FAMILY) == AF_INET6) {
		bpf_probe_read_kernel(&attempt->daddr, sizeof(attempt->daddr), sk + v6);
		set_destination_v6(attempt);
		if (is_link_local(attempt))
			attempt->scope_id = SOCK_FIELD(u32, scratch, sk, SK_BOUND_IF);
		return;
	}
	attempt->family = 4;
	attempt->daddr.v4 = SOCK_FIELD(u32, scratch, sk, SK_DADDR);
}

/*
 * The destination from the struct sockaddr that was passed to connect(); fields that it lacks stay 0. A link-local
 * address without a scope has that of the socket.
 */
static __always_inline void read_sockaddr(const void *sk, const void *address, int length, struct event *attempt)
{
	u16 family = READ(u16, address, 0);

	attempt->family = 4;
	if (family == AF_INET && length >= SOCKADDR_IN_BYTES)
		attempt->daddr.v4 = READ(u32, address, 4);
	else if (family == AF_INET6 && length >= SOCKADDR_IN6_BYTES) {
		bpf_probe_read_kernel(&attempt->daddr, sizeof(attempt->daddr), address + 8);
		set_destination_v6(attempt);
	} else {
		return;
	}
	attempt->dport = bpf_ntohs(READ(u16, address, 2));
	if (!is_link_local(attempt))
		return;
	if (length >= SOCKADDR_IN6_SCOPE_BYTES)
		attempt->scope_id = READ(u32, address, 24);
	if (!attempt->scope_id)
		attempt->scope_id = READ(u32, sk, SK_BOUND_IF);
}

/* The network namespace of a socket; NULL on a kernel without them. */
static __always_inline void *net_of(const void *sk, const struct scratch *scratch)
{
	u64 net = SK_NET;

	return net ? (void *)SOCK_FIELD(u64, scratch, sk, net) : NULL;
}

/* The first thread of the process of this one, whose thread and process number are `thread`. */
static __always_inline void *group_leader(u64 thread)
{
	void *task = (void *)bpf_get_current_task();

	return (u32)thread == thread >> 32 ? task : READ(void *, task, TASK_LEADER);
}

/* What a socket holds of earlier attempts when it enters SYN_SENT. */
struct before {
	u32 segments_sent;
	u32 retransmissions;
	u16 error;
	u16 sport; /* network order, as in the socket */
	bool is_bound;
	u8 reserved[3];
};

/* An attempt in the start map. */
struct attempt {
	struct event record;
	struct before before;
};

static __always_inline void read_before(const void *sk, const struct scratch *scratch, struct before *before)
{
	before->segments_sent = TCP_FIELD(u32, scratch, sk, TCP_SEGS_OUT);
	if (!RETRANSMIT_HAS_ERROR)
		before->retransmissions = READ(u32, sk, TCP_TOTAL_RETRANS);
	before->error = SOCK_FIELD(u32, scratch, sk, SK_ERR);
	before->sport = SOCK_FIELD(u16, scratch, sk, INET_SPORT);
	before->is_bound = SOCK_FIELD(u16, scratch, sk, SK_NUM) != 0;
}

/* True if no segment was passed to IP in this attempt: connect() failed first, or the first data never came. */
static __always_inline bool is_unsent(const void *sk, const struct scratch *scratch, const struct before *before)
{
	return TCP_FIELD(u32, scratch, sk, TCP_SEGS_OUT) == before->segments_sent;
}

/* True if connect() chose no port: that of an earlier attempt is still in the socket, unless the application bound it. */
static __always_inline bool lacks_port(u16 sport, bool unsent, const struct before *before)
{
	return !before->is_bound && sport == before->sport && unsent;
}

/* Valid once the kernel has chosen a route and a port. Both stay in the socket after the end of the attempt. */
static __always_inline void read_source(const void *sk, const struct scratch *scratch, struct event *attempt, u16 sport,
					bool no_port)
{
	attempt->lport = no_port ? 0 : bpf_ntohs(sport);
	if (SK_V6_RCV_SADDR && attempt->family == 6) {
		bpf_probe_read_kernel(&attempt->saddr, sizeof(attempt->saddr), sk + SK_V6_RCV_SADDR);
		return;
	}
	attempt->saddr.v4 = SOCK_FIELD(u32, scratch, sk, SK_RCV_SADDR);
}

/* How an attempt ended. */
struct ending {
	u8 outcome;
	u16 error;
	bool unsent; /* no SYN was sent */
};

/*
 * Return how a failed attempt ended, from its socket. The kernel sets sk_err before it changes the state, and clears
 * it before it sends the first SYN; until then it may be that of an earlier attempt.
 *
 * Without sk_err the application cancelled the attempt, or connect() failed inside the call. In the latter case no SYN
 * was sent and the state of struct socket is SS_UNCONNECTED; the errno is known only if no local port was found.
 */
static __always_inline struct ending classify_failure(const void *sk, const struct scratch *scratch,
						      const struct before *before, bool unsent, bool no_port)
{
	struct ending ending = { .outcome = OUTCOME_CANCELLED, .unsent = unsent };
	u16 error = SOCK_FIELD(u32, scratch, sk, SK_ERR);

	if (error && !(ending.unsent && error == before->error)) {
		ending.outcome = outcome_of_error(error);
		ending.error = error;
	} else if (ending.unsent && READ(u32, (void *)SOCK_FIELD(u64, scratch, sk, SK_SOCKET), SOCKET_STATE) == SS_UNCONNECTED) {
		ending.outcome = OUTCOME_ERROR;
		ending.error = no_port ? EADDRNOTAVAIL : 0;
	}
	return ending;
}

/* The same where nothing is known of the time before the attempt, without its errno. */
static __always_inline u8 outcome_of_socket(const void *sk)
{
	u16 error = READ(u32, sk, SK_ERR);

	return error ? outcome_of_error(error) : OUTCOME_CANCELLED;
}

/* TCP_REPAIR: a connection that existed before (CRIU) is put into this socket, and no SYN is sent. */
static __always_inline bool is_repaired(u8 byte)
{
	return byte & REPAIR_MASK;
}

#endif
