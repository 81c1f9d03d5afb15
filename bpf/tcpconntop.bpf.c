// SPDX-License-Identifier: GPL-2.0
/*
 * Follows every outgoing TCP connect from begin to end.
 *
 * One body of logic, connect_begin(), connect_answered() and connect_end(), and thin probes around it. The
 * start map holds what is known so far of each connect in flight, by its struct sock; it is the record itself
 * and leaves the map the moment the connect ends, however it ends.
 *
 * No kernel header is used: the loader defines the few offsets into struct sock and its neighbours from the
 * running kernel's BTF (SK_*, INET_*, SOCKET_*, NET_*), and possible CPUs as CPUS.
 */
#include "event.h"

#define IPPROTO_TCP 6
#define AF_INET 2
#define AF_INET6 10
#define SS_UNCONNECTED 1

enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_SYN_RECV = 3 };

/* The same numbers on x86-64, arm64 and every other architecture with the generic errno table. */
enum {
	EACCES = 13, ENONET = 64, EPROTO = 71, ENOPROTOOPT = 92, EOPNOTSUPP = 95, EADDRNOTAVAIL = 99,
	ENETUNREACH = 101, ETIMEDOUT = 110, ECONNREFUSED = 111, EHOSTDOWN = 112, EHOSTUNREACH = 113,
};

BPF_HASH(tct_start, u64, struct event, 65536);
BPF_F_TABLE("array", u32, struct counters, tct_counters, CPUS, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct settings, tct_settings, 1, BPF_F_MMAPABLE);

#define READ(type, base, offset) ({ \
	type value_ = 0; \
	bpf_probe_read_kernel(&value_, sizeof(value_), (void *)(base) + (offset)); \
	value_; \
})

static __always_inline struct counters *own_counters(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return tct_counters.lookup(&cpu);
}

/* Atomic: an interrupt may run a probe in the midst of another one on the same CPU. */
#define COUNT(field) ({ \
	struct counters *own_ = own_counters(); \
	if (own_) \
		__sync_fetch_and_add(&own_->field, 1); \
})

#define LISTED(list, count, value) ({ \
	bool found_ = false; \
	for (u32 i_ = 0; i_ < FILTER_LIST_MAX && i_ < (count) && !found_; i_++) \
		found_ = (list)[i_] == (value); \
	found_; \
})

#ifdef TRANSPORT_RING
BPF_RINGBUF_OUTPUT(tct_events, RING_PAGES);

/*
 * The reader has its own timer; waking it is for bursts, and costs more than a record. So it is woken once in
 * `wakeup_bytes` on average, by chance: that needs no state which CPUs would have to share. (BCC before 0.28
 * cannot call bpf_ringbuf_query().)
 */
static __always_inline void emit(void *ctx, struct event *record, u32 wakeup_bytes)
{
	u64 chance = (u64)bpf_get_prandom_u32() * wakeup_bytes >> 32;
	u64 flags = chance < sizeof(*record) ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;

	if (tct_events.ringbuf_output(record, sizeof(*record), flags))
		COUNT(ring_drops);
}
#endif

#ifdef TRANSPORT_PERF
BPF_PERF_OUTPUT(tct_events);

/* Samples that find the buffer full are counted by the kernel and reported to the reader, not here. */
static __always_inline void emit(void *ctx, struct event *record, u32 wakeup_bytes)
{
	tct_events.perf_submit(ctx, record, sizeof(*record));
}
#endif

static __always_inline struct settings *get_settings(void)
{
	u32 first = 0;

	return tct_settings.lookup(&first);
}

/* True for ::ffff:a.b.c.d, which an AF_INET6 socket uses to speak IPv4. */
static __always_inline bool is_v4_mapped(const union address *address)
{
	const u32 *words = (const u32 *)address->v6;

	return words[0] == 0 && words[1] == 0 && words[2] == bpf_htonl(0xffff);
}

static __always_inline void read_destination(void *sk, struct event *attempt)
{
	attempt->dport = bpf_ntohs(READ(u16, sk, SK_DPORT));
	attempt->family = 4;
#ifdef SK_V6_DADDR
	if (READ(u16, sk, SK_FAMILY) == AF_INET6) {
		bpf_probe_read_kernel(&attempt->daddr, sizeof(attempt->daddr), sk + SK_V6_DADDR);
		if (!is_v4_mapped(&attempt->daddr)) {
			attempt->family = 6;
			return;
		}
		__builtin_memset(&attempt->daddr, 0, sizeof(attempt->daddr));
	}
#endif
	attempt->daddr.v4 = READ(u32, sk, SK_DADDR);
}

/* Known only once the kernel has chosen a route and a port. Both survive the end of the attempt. */
static __always_inline void read_source(void *sk, struct event *attempt)
{
	attempt->lport = bpf_ntohs(READ(u16, sk, INET_SPORT));
#ifdef SK_V6_RCV_SADDR
	if (attempt->family == 6) {
		bpf_probe_read_kernel(&attempt->saddr, sizeof(attempt->saddr), sk + SK_V6_RCV_SADDR);
		return;
	}
#endif
	attempt->saddr.v4 = READ(u32, sk, SK_RCV_SADDR);
}

static __always_inline bool is_wanted(const struct event *attempt, const struct settings *settings)
{
	if (settings->family && settings->family != attempt->family)
		return false;
	if (settings->pid_count && !LISTED(settings->pids, settings->pid_count, attempt->tgid))
		return false;
	if (settings->uid_count && !LISTED(settings->uids, settings->uid_count, attempt->uid))
		return false;
	return !settings->port_count || LISTED(settings->ports, settings->port_count, attempt->dport);
}

/* Books the end of an attempt, hands its record over and forgets it. */
static __always_inline void settle(void *ctx, u64 key, struct event *attempt, u8 outcome, u16 error)
{
	struct settings *settings = get_settings();

	if (!settings)
		return;
	if (outcome != OUTCOME_OK || !attempt->end_ns)
		attempt->end_ns = bpf_ktime_get_ns();
	attempt->outcome = outcome;
	attempt->error = error;
	if (attempt->end_ns - attempt->begin_ns < settings->min_latency_ns)
		COUNT(below_minimum);
	else
		emit(ctx, attempt, settings->wakeup_bytes);
	tct_start.delete(&key);
	COUNT(outcomes[outcome]);
}

/*
 * The application asks for a connection: in process context, so that process, user and cgroup are its own.
 *
 * An entry that is still there belongs to an earlier socket at the same address whose end no probe saw (the
 * kernel does not run a program that it interrupted on the same CPU). It ends now, as an error without errno.
 */
static __always_inline void connect_begin(void *ctx, void *sk)
{
	u64 key = (u64)sk;
	struct event attempt = { .begin_ns = bpf_ktime_get_ns() };
	struct settings *settings = get_settings();
	struct event *stale = tct_start.lookup(&key);

	if (stale)
		settle(ctx, key, stale, OUTCOME_ERROR, 0);
	attempt.tgid = bpf_get_current_pid_tgid() >> 32;
	attempt.uid = bpf_get_current_uid_gid();
	read_destination(sk, &attempt);
	if (!settings || !is_wanted(&attempt, settings))
		return;
	attempt.cgroup_id = bpf_get_current_cgroup_id();
#ifdef SK_NET
	attempt.netns = READ(u32, READ(void *, sk, SK_NET), NET_INUM);
#endif
	bpf_get_current_comm(&attempt.comm, sizeof(attempt.comm));
	if (tct_start.insert(&key, &attempt)) {
		COUNT(start_failures);
		return;
	}
	COUNT(attempts);
	if (attempt.netns == settings->netns)
		COUNT(attempts_home);
}

/* The answer to the SYN is here: where a probe sees this, the attempt lasted until now. */
static __always_inline void connect_answered(void *sk)
{
	u64 key = (u64)sk;
	struct event *attempt = tct_start.lookup(&key);

	if (attempt)
		attempt->end_ns = bpf_ktime_get_ns();
}

struct ending {
	u8 outcome;
	u16 error;
	bool unsent; /* connect() itself failed: no SYN left */
};

static __always_inline void connect_end(void *ctx, void *sk, struct ending ending)
{
	u64 key = (u64)sk;
	struct event *attempt = tct_start.lookup(&key);
	struct settings *settings = get_settings();

	if (!attempt || !settings)
		return;
	read_source(sk, attempt);
	if (ending.unsent && attempt->netns == settings->netns)
		COUNT(unsent_home);
	settle(ctx, key, attempt, ending.outcome, ending.error);
}

static __always_inline u8 outcome_of_error(u16 error)
{
	switch (error) {
	case ECONNREFUSED:
		return OUTCOME_REFUSED;
	case ETIMEDOUT:
		return OUTCOME_TIMEOUT;
	/* What the kernel makes of ICMP errors (icmp_err_convert, icmpv6_err_convert). */
	case EHOSTUNREACH: case ENETUNREACH: case EHOSTDOWN: case ENONET:
	case ENOPROTOOPT: case EOPNOTSUPP: case EPROTO: case EACCES:
		return OUTCOME_UNREACHABLE;
	default:
		return OUTCOME_ERROR;
	}
}

/*
 * Why an attempt failed, read off the socket. The kernel sets sk_err before the state changes. Without it the
 * application gave up, except when connect() failed inside the call: only then does the socket say that no
 * connect is under way. Why is then known only where no port was found.
 */
static __always_inline struct ending judge_failure(void *sk)
{
	struct ending ending = { .outcome = OUTCOME_CANCELLED, .error = READ(u32, sk, SK_ERR) };

	if (ending.error) {
		ending.outcome = outcome_of_error(ending.error);
	} else if (READ(u32, READ(void *, sk, SK_SOCKET), SOCKET_STATE) == SS_UNCONNECTED) {
		ending.outcome = OUTCOME_ERROR;
		ending.error = READ(u16, sk, INET_SPORT) ? 0 : EADDRNOTAVAIL;
		ending.unsent = true;
	}
	return ending;
}

/*
 * The probes of the tracepoint way: inet_sock_set_state(sk, oldstate, newstate). Begin and end are two
 * programs, because the kernel skips a program that it interrupted: an answer that arrives while another
 * connect begins on the same CPU would have no end.
 */
int tct_begin(struct bpf_raw_tracepoint_args *ctx)
{
	void *sk = (void *)ctx->args[0];

	if ((int)ctx->args[2] == TCP_SYN_SENT && READ(u16, sk, SK_PROTOCOL) == IPPROTO_TCP)
		connect_begin(ctx, sk);
	return 0;
}

int tct_end(struct bpf_raw_tracepoint_args *ctx)
{
	void *sk = (void *)ctx->args[0];
	int old_state = ctx->args[1], new_state = ctx->args[2];
	struct ending ending = { .outcome = OUTCOME_OK };

	if (old_state != TCP_SYN_SENT && old_state != TCP_SYN_RECV)
		return 0;
	if (new_state == TCP_SYN_RECV) /* a simultaneous open is not over yet */
		return 0;
	if (new_state != TCP_ESTABLISHED)
		ending = judge_failure(sk);
	connect_end(ctx, sk, ending);
	return 0;
}

/* tcp_retransmit_skb(sk, skb[, err]): of a socket in the start map, a lost SYN. */
int tct_retransmit(struct bpf_raw_tracepoint_args *ctx)
{
	u64 key = ctx->args[0];
	struct event *attempt = tct_start.lookup(&key);

	if (!attempt)
		return 0;
#ifdef RETRANSMIT_TELLS_ERROR
	if ((int)ctx->args[2]) /* this one did not leave */
		return 0;
#endif
	attempt->syn_retransmits++;
	attempt->last_rtx_ns = bpf_ktime_get_ns();
	COUNT(syn_retransmits);
	return 0;
}
