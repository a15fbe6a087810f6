/* SPDX-License-Identifier: GPL-2.0-only */
/* clang-format off */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfiod_pci

#if !defined(VFIOD_PCI_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VFIOD_PCI_TRACE_H

#include <linux/pci.h>
#include <linux/tracepoint.h>

#include "vfiod_pci.h"

DECLARE_EVENT_CLASS(vfiod_pci_config,
	TP_PROTO(const struct vfiod_pci *vp, u16 offset, unsigned int width, u32 value),
	TP_ARGS(vp, offset, width, value),
	TP_STRUCT__entry(
		__string(name, pci_name(vp->pdev))
		__field(u16, offset)
		__field(u16, width)
		__field(u32, value)
	),
	TP_fast_assign(
		compat_assign_str(name, pci_name(vp->pdev));
		__entry->offset = offset;
		__entry->width = width;
		__entry->value = value;
	),
	TP_printk("%s offset=0x%03x width=%u value=0x%x", __get_str(name), __entry->offset,
		  __entry->width, __entry->value)
);

/* A write that reaches the hardware; one of the user's none of whose bits are the user's. */
DEFINE_EVENT(vfiod_pci_config, vfiod_pci_config_write,
	TP_PROTO(const struct vfiod_pci *vp, u16 offset, unsigned int width, u32 value),
	TP_ARGS(vp, offset, width, value));
DEFINE_EVENT(vfiod_pci_config, vfiod_pci_config_denied,
	TP_PROTO(const struct vfiod_pci *vp, u16 offset, unsigned int width, u32 value),
	TP_ARGS(vp, offset, width, value));

/* VFIO_DEVICE_SET_IRQS, as linux/vfio.h has it, and what came of it. */
TRACE_EVENT(vfiod_pci_irq,
	TP_PROTO(const struct vfiod_pci *vp, u32 index, u32 flags, u32 start, u32 count,
		 int result),
	TP_ARGS(vp, index, flags, start, count, result),
	TP_STRUCT__entry(
		__string(name, pci_name(vp->pdev))
		__field(u32, index)
		__field(u32, flags)
		__field(u32, start)
		__field(u32, count)
		__field(int, result)
	),
	TP_fast_assign(
		compat_assign_str(name, pci_name(vp->pdev));
		__entry->index = index;
		__entry->flags = flags;
		__entry->start = start;
		__entry->count = count;
		__entry->result = result;
	),
	TP_printk("%s index=%u flags=0x%x start=%u count=%u result=%d", __get_str(name),
		  __entry->index, __entry->flags, __entry->start, __entry->count, __entry->result)
);

/*
 * A reset: at "open", at "close", by the user ("function"), behind our back ("unseen"), in the
 * recovery from an "error", or when it is let go of ("remove").
 */
TRACE_EVENT(vfiod_pci_reset,
	TP_PROTO(const struct vfiod_pci *vp, const char *why, int error),
	TP_ARGS(vp, why, error),
	TP_STRUCT__entry(
		__string(name, pci_name(vp->pdev))
		__string(why, why)
		__field(int, error)
	),
	TP_fast_assign(
		compat_assign_str(name, pci_name(vp->pdev));
		compat_assign_str(why, why);
		__entry->error = error;
	),
	TP_printk("%s %s error=%d", __get_str(name), __get_str(why), __entry->error)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
