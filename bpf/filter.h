/* SPDX-License-Identifier: GPL-2.0 */
/* Which attempts are followed, according to the settings. */
#ifndef TCPCONNTOP_FILTER_H
#define TCPCONNTOP_FILTER_H

#include "event.h"

#define LIST_CONTAINS(list, count, value) ({ \
	bool found_ = false; \
	for (u32 i_ = 0; i_ < FILTER_LIST_MAX && i_ < (count) && !found_; i_++) \
		found_ = (list)[i_] == (value); \
	found_; \
})

static __always_inline bool passes_filters(const struct event *attempt, const struct settings *settings)
{
	if (!settings->ready)
		return false;
	if (settings->family && settings->family != attempt->family)
		return false;
	if (settings->pid_count && !LIST_CONTAINS(settings->pids, settings->pid_count, attempt->tgid))
		return false;
	if (settings->uid_count && !LIST_CONTAINS(settings->uids, settings->uid_count, attempt->uid))
		return false;
	return !settings->port_count || LIST_CONTAINS(settings->ports, settings->port_count, attempt->dport);
}

#endif
