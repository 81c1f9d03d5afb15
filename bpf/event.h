/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The data that the BPF program and user space share: one record for each connect attempt, the counters and the
 * settings. This is the only definition. tcpconntop/core/wire.py mirrors it, and a test compares the two.
 * No struct has padding, and every struct is the same on every architecture.
 */
#ifndef TCPCONNTOP_EVENT_H
#define TCPCONNTOP_EVENT_H

#define COMM_LEN 16
#define FILTER_LIST_MAX 16
#define NETNS_SLOTS 4096 /* slots for network namespaces, a power of 2 */

enum outcome {
	OUTCOME_OK,
	OUTCOME_REFUSED,     /* ECONNREFUSED: a reset answered the SYN */
	OUTCOME_TIMEOUT,     /* ETIMEDOUT: no SYN was answered */
	OUTCOME_UNREACHABLE, /* EHOSTUNREACH, ENETUNREACH and the other ICMP errors */
	OUTCOME_CANCELLED,   /* the application closed the socket first, or died */
	OUTCOME_ERROR,       /* anything else, with its errno if it is known */
	OUTCOME_COUNT,
};

/* An IPv4 address is in the first four bytes, in network order; the other twelve are zero. */
union address {
	__u32 v4;
	__u8 v6[16];
};

/* Times are CLOCK_MONOTONIC nanoseconds (bpf_ktime_get_ns); 0: not known. */
struct event {
	__u64 begin_ns;      /* connect() was called; SYN_SENT was entered where no probe sees the call */
	__u64 end_ns;        /* the attempt ended */
	__u64 syn_ns;        /* the first SYN was passed to IP */
	__u64 last_rtx_ns;   /* the last retransmission of the SYN */
	__u64 cgroup_id;
	__u64 process_start_ns; /* start of the process (CLOCK_BOOTTIME): with tgid, it identifies the process */
	__u32 netns;         /* inode number of the network namespace */
	__u32 tgid;
	__u32 uid;
	__u32 scope_id;      /* index of the interface of a link-local destination; 0: none */
	__u32 srtt_us;       /* round trip of the SYN that was answered, by the kernel's measure; 0: not known */
	__u16 syn_retransmits; /* as the kernel counts them (TCPSynRetrans), `syn_unsent` included */
	__u16 error;         /* errno of a failed attempt; 0: not known */
	union address saddr;
	union address daddr; /* a v4-mapped IPv6 address is stored as IPv4 */
	__u16 lport;         /* host order; 0: not chosen yet */
	__u16 dport;         /* host order */
	__u8 family;         /* 4 or 6 */
	__u8 outcome;        /* enum outcome */
	__u16 syn_unsent;    /* retransmissions of the SYN that this host did not send: its firewall drops them */
	char comm[COMM_LEN];   /* name of the process: of its first thread */
	char thread[COMM_LEN]; /* name of the thread that called connect() */
};

/* One for each CPU, in cache lines of its own, so that no CPU waits for another. Totals are the sums. */
struct counters {
	__u64 attempts;                /* attempts that passed the filters and are followed */
	__u64 outcomes[OUTCOME_COUNT]; /* ended attempts */
	__u64 syn_retransmits;
	__u64 ring_drops;     /* records lost because the ring or perf buffer was full */
	__u64 start_failures; /* attempts that found the start map full: not counted in `attempts` */
	__u64 below_minimum;  /* ended attempts without a record, because of the minimum latency */
	__u64 unsent;         /* part of `attempts`: ended without a SYN (no route, no free port, TCP Fast Open) */
	__u64 missed_outcomes[OUTCOME_COUNT]; /* how those of `start_failures` ended that are still remembered */
	__u64 netns_unplaced; /* attempts that are in no slot for network namespaces, because all of theirs were in use */
	__u64 skipped;        /* programs that the kernel skipped, and whose next copy did the work */
	__u64 reserved[4];
};

/*
 * The attempts of one network namespace, on all CPUs: a cache line. bpf/netns.h finds the slot. A namespace can have
 * two slots, which are added. A slot that was not used for some seconds can be given to another namespace: the counts
 * then begin at 0, and `generation`, which is written last, is one more.
 */
struct netns_counters {
	__u64 attempts;
	__u64 unsent;       /* part of `attempts`, as in struct counters */
	__u64 lost;         /* part of `attempts` without `unsent`: the record was lost (ring_drops) */
	__u64 used_ns;      /* begin of the last attempt */
	__u64 reference_ns; /* begin of an attempt of process `tgid`: of its last one, or up to 10 ms before that */
	__u32 netns;        /* the namespace that has the slot; 0: the slot is free */
	__u32 generation;
	__u32 tgid;         /* a process that was itself in the namespace when it connected; 0: none yet */
	__u32 reserved[3];
};

/* Written by user space: once the probes are attached, and when filters change. An empty list matches everything. */
struct settings {
	__u64 min_latency_ns;
	__u32 wakeup_bytes; /* wake the reader about once in this many bytes of records */
	__u32 family;       /* 4, 6, or 0 for both */
	__u32 pid_count;
	__u32 uid_count;
	__u32 port_count;
	__u32 ready;        /* 1 once every probe is attached: attempts that begin earlier are not followed */
	__u32 pids[FILTER_LIST_MAX];
	__u32 uids[FILTER_LIST_MAX];
	__u16 ports[FILTER_LIST_MAX]; /* destination ports, host order */
};

#endif
