/* SPDX-License-Identifier: GPL-2.0-only */
/* clang-format off */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfiod_handle

#if !defined(VFIOD_HANDLE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VFIOD_HANDLE_TRACE_H

#include <linux/tracepoint.h>

struct handle;

DECLARE_EVENT_CLASS(vfiod_handle,
	TP_PROTO(const struct handle *h),
	TP_ARGS(h),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, kind)
		__field(u32, uid)
		__field(u64, lease)
	),
	TP_fast_assign(
		__entry->id = h->id;
		__entry->kind = h->kind;
		__entry->uid = h->uid;
		__entry->lease = h->lease;
	),
	TP_printk("handle=%u kind=%s lease=%llu uid=%u", __entry->id,
		  __print_symbolic(__entry->kind, { VFIOD_HANDLE_DEVICE, "device" },
				   { VFIOD_HANDLE_CONTAINER, "container" },
				   { VFIOD_HANDLE_IOMMUFD, "iommufd" }),
		  __entry->lease, __entry->uid)
);

/* Made; shut to its users; its last reference closed by them; the real file let go of. */
DEFINE_EVENT(vfiod_handle, vfiod_handle_created, TP_PROTO(const struct handle *h), TP_ARGS(h));
DEFINE_EVENT(vfiod_handle, vfiod_handle_shut, TP_PROTO(const struct handle *h), TP_ARGS(h));
DEFINE_EVENT(vfiod_handle, vfiod_handle_closed, TP_PROTO(const struct handle *h), TP_ARGS(h));
DEFINE_EVENT(vfiod_handle, vfiod_handle_ended, TP_PROTO(const struct handle *h), TP_ARGS(h));

/* A revocation's time is over: so many operations are in flight, one of them of this process. */
TRACE_EVENT(vfiod_handle_stuck,
	TP_PROTO(const struct handle *h, u32 busy, u32 pid),
	TP_ARGS(h, busy, pid),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, busy)
		__field(u32, pid)
	),
	TP_fast_assign(
		__entry->id = h->id;
		__entry->busy = busy;
		__entry->pid = pid;
	),
	TP_printk("handle=%u busy=%u pid=%u", __entry->id, __entry->busy, __entry->pid)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
