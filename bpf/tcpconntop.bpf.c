// SPDX-License-Identifier: GPL-2.0
/*
 * Follows every outgoing TCP connect from begin to end.
 *
 * One body of logic, connect_begin(), connect_answered() and connect_end(), and thin probes around it. The
 * start map holds what is known so far of each connect in flight, by its struct sock; it is the record itself
 * and leaves the map the moment the connect ends, however it ends.
 *
 * The loader defines CPUS (how many there may be), RING_BYTES, one TRANSPORT_* and what sock.h asks for.
 */
#include "event.h"
#include "sock.h"

BPF_HASH(tct_start, u64, struct event, 65536);
BPF_F_TABLE("array", u32, struct counters, tct_counters, CPUS, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct settings, tct_settings, 1, BPF_F_MMAPABLE);

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
BPF_RINGBUF_OUTPUT(tct_events, RING_BYTES / PAGE_SIZE);

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
 * An entry that is still there belongs to an earlier socket at the same address, whose end no probe saw. That
 * should not be; it ends now, as an error without errno, so that the ledger balances.
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

/*
 * The probes of the tracepoint way: inet_sock_set_state(sk, oldstate, newstate).
 *
 * The kernel skips a program where it interrupts that same program: an answer that comes in while a process is
 * in the midst of it, on the same CPU, would end no attempt. So begin and end are two programs, and end is there
 * twice: of the two, at most one is interrupted, and the other one runs. Whoever comes second finds no entry.
 */
int tct_begin(struct bpf_raw_tracepoint_args *ctx)
{
	void *sk = (void *)ctx->args[0];

	if ((int)ctx->args[2] == TCP_SYN_SENT && READ(u16, sk, SK_PROTOCOL) == IPPROTO_TCP)
		connect_begin(ctx, sk);
	return 0;
}

static __always_inline int state_left(struct bpf_raw_tracepoint_args *ctx)
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

int tct_end(struct bpf_raw_tracepoint_args *ctx)
{
	return state_left(ctx);
}

int tct_end_nested(struct bpf_raw_tracepoint_args *ctx)
{
	return state_left(ctx);
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
