/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who connects: process, thread, user, control group and network namespace. And whether the filters want to know.
 *
 * Included by tcpconntop.bpf.c after the maps.
 */
#ifndef TCPCONNTOP_IDENTIFY_H
#define TCPCONNTOP_IDENTIFY_H

#include "filter.h"
#include "sock.h"

/* The first bytes of a word up to its first zero byte, the others zero. */
static __always_inline u64 until_zero(u64 word)
{
	u64 zeros = (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;

	return zeros ? word & (((zeros & -zeros) >> 7) - 1) : word;
}

/* Store a name. The kernel can leave the end of a longer one behind its zero byte. (All our architectures are little-endian.) */
static __always_inline void set_name(char *name, u64 first, u64 second)
{
	u64 *words = (u64 *)name;

	words[0] = until_zero(first);
	words[1] = words[0] == first && first >> 56 ? until_zero(second) : 0;
}

/*
 * Fill in process, user, cgroup and network namespace. Must run in the context of the process that connects.
 * A worker thread of io_uring belongs to that process as well.
 * False: the filters exclude the attempt.
 */
static __always_inline bool identify(const void *net, struct event *attempt, u64 thread, struct scratch *scratch,
				     const struct settings *settings)
{
	void *process;

	attempt->tgid = thread >> 32;
	attempt->uid = bpf_get_current_uid_gid();
	if (!passes_filters(attempt, settings))
		return false;
	attempt->cgroup_id = bpf_get_current_cgroup_id();
	if (net)
		attempt->netns = READ(u32, net, NET_INUM);
	process = group_leader(thread);
	bpf_probe_read_kernel(scratch->task, TASK_BYTES, process + TASK_FIRST);
	attempt->process_start_ns = TASK_FIELD(u64, scratch, process, TASK_START);
	set_name(attempt->comm, TASK_FIELD(u64, scratch, process, TASK_COMM),
		 TASK_FIELD(u64, scratch, process, TASK_COMM + 8));
	if ((u32)thread == attempt->tgid) /* the first thread */
		__builtin_memcpy(attempt->thread, attempt->comm, sizeof(attempt->thread));
	else
		bpf_get_current_comm(&attempt->thread, sizeof(attempt->thread));
	return true;
}

#endif
